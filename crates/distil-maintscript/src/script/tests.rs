use super::*;
use proptest::prelude::*;

use crate::effect::Consequence;

/// One line for each effect: where, what it means, and the command.
fn told(script_name: &str, text: &str) -> String {
    let line = |effect: &Effect| {
        let trigger = if effect.is_on_trigger {
            " on trigger"
        } else {
            ""
        };
        let consequence = match effect.consequence() {
            Consequence::Harmless(reason) => format!("harmless: {reason}"),
            Consequence::Made(what) => format!("made: {what}"),
            Consequence::Missing(text) => format!("MISSING: {text}"),
        };
        format!("{}{trigger} {consequence}", effect.line)
    };
    let effects = effects(script_name, text);
    effects.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_service_in_the_style_of_debhelper() {
    let text = r#"#!/bin/sh
set -e
. /usr/share/debconf/confmodule
if [ "$1" = "configure" ]; then
    USER=kvstore
    if ! getent passwd $USER >/dev/null; then
        adduser --system --group --home /var/lib/$USER --gecos "Key-value store" $USER
    fi
    adduser --quiet $USER ssl-cert
    for dir in /var/lib/$USER /var/log/$USER; do
        mkdir -p "$dir"
        chown $USER:adm "$dir"
    done
    install -d -m 0750 -o $USER /run/$USER
    ln -sf ../kvstore.conf /etc/kvstore/default
    echo secret > /etc/kvstore/key
    rm -f /etc/kvstore/old
    db_get kvstore/port
    kvstore-init --port "$RET"
fi
# Automatically added by dh_installsystemd/13.24
if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ]; then
    deb-systemd-helper enable 'kvstore.service' >/dev/null || true
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
    fi
fi
if [ "$1" = "configure" ]; then
    systemd-sysusers ${DPKG_ROOT:+--root="$DPKG_ROOT"} kvstore.conf
    systemd-tmpfiles --create kvstore.conf || true
fi
# End automatically added section
db_stop
"#;
    insta::assert_snapshot!(told("postinst", text), @"
    7 MISSING: adds the user `kvstore`
    9 MISSING: adds the user `kvstore` to the group `ssl-cert`
    11 MISSING: makes `/var/lib/kvstore`
    11 MISSING: makes `/var/log/kvstore`
    12 MISSING: runs `chown kvstore:adm /var/lib/kvstore`
    12 MISSING: runs `chown kvstore:adm /var/log/kvstore`
    14 MISSING: runs `install -d -m 0750 -o kvstore /run/kvstore`
    15 MISSING: links `/etc/kvstore/default` to `../kvstore.conf`
    16 MISSING: writes `/etc/kvstore/key`
    17 harmless: a new image has nothing to clear away
    18 harmless: nobody is asked while an image is made
    19 MISSING: runs `kvstore-init --port $RET`
    23 harmless: no service runs or is enabled in an image
    29 made: the accounts that sysusers.d declares
    30 made: what tmpfiles.d declares
    33 harmless: nobody is asked while an image is made
    ");
}

#[test]
fn alternatives_are_made_where_their_words_are_certain() {
    let text = r#"
update-alternatives --quiet --install /usr/bin/pager pager /usr/bin/less 77 \
    --slave /usr/share/man/man1/pager.1.gz pager.1.gz /usr/share/man/man1/less.1.gz
for p in a b; do update-alternatives --install /usr/bin/$p $p /usr/bin/$p-1 10; done
[ -e /x ] && more="--slave /x x /y"
update-alternatives --install /usr/bin/c c /usr/bin/c-1 5 $more
update-alternatives --install /usr/bin/d d /usr/bin/d-1 `d --priority`
update-alternatives --set pager /usr/bin/less
update-alternatives --remove pager /usr/bin/old
case "$1" in remove|purge) update-alternatives --install /e e /f 1 ;; esac
"#;
    insta::assert_snapshot!(told("postinst", text), @"
    2 made: the links of alternatives
    4 made: the links of alternatives
    4 made: the links of alternatives
    6 made: the links of alternatives
    7 MISSING: runs `d --priority`
    7 MISSING: runs `update-alternatives --install /usr/bin/d d /usr/bin/d-1 `d --priority``
    8 MISSING: runs `update-alternatives --set pager /usr/bin/less`
    ");
}

#[test]
fn diversions_are_made_where_their_words_are_certain() {
    let text = "case \"$1\" in\n install|upgrade)\n\
                dpkg-divert --package p --rename --divert /usr/bin/x.real --add /usr/bin/x\n\
                for d in /bin/y; do dpkg-divert --divert $d.p --add $d; done\n\
                dpkg-divert --no-rename --divert /bin/z.usr-is-merged --add /bin/z\n\
                dpkg-divert --add $(which w)\n ;;\nesac\ndpkg-divert --remove /old\n";
    insta::assert_snapshot!(told("preinst", text), @"
    3 made: the names of diverted files
    4 made: the names of diverted files
    5 harmless: it guards a path from before `/usr` was merged
    6 MISSING: runs `dpkg-divert --add $(which w)`
    ");
    assert_eq!(told("postinst", text), "");
}

/// As dh_nginx writes it.
#[test]
fn fields_of_a_pair() {
    let text = "for pair in mod-echo.conf:50-mod-echo.conf mod-x.conf:70-mod-x.conf; do\n\
                from=$(echo $pair | cut -d: -f1)\nto=$(echo $pair | cut -d ':' -f 2)\n\
                ln -sf /usr/share/$from /etc/$to\ndone\n\
                ln -s \"$(echo a b | cut -f1 -d' ' | cut -d: -f9)\" /c\n\
                ln -s \"$(echo a | cut -c1)\" /d\n";
    insta::assert_snapshot!(told("postinst", text), @"
    4 MISSING: links `/etc/50-mod-echo.conf` to `/usr/share/mod-echo.conf`
    4 MISSING: links `/etc/70-mod-x.conf` to `/usr/share/mod-x.conf`
    6 MISSING: links `/c` to `a`
    7 MISSING: runs `ln -s $(echo a | cut -c1) /d`
    ");
}

#[test]
fn accounts() {
    let text = "addgroup --system a\nadduser --system --ingroup a --home /h --gecos 'B b' b\n\
                adduser --group c\nuseradd -r -g a -s /bin/false -d /h d\ngroupadd -g 7 e\n\
                usermod -a -G video d\nadduser d audio\ngpasswd -a d f\ndeluser g\n\
                adduser --system \"$(cat /n)\"\n";
    insta::assert_snapshot!(told("postinst", text), @"
    1 MISSING: adds the group `a`
    2 MISSING: adds the user `b`
    3 MISSING: adds the group `c`
    4 MISSING: adds the user `d`
    5 MISSING: adds the group `e`
    6 MISSING: adds the user `d` to the group `video`
    7 MISSING: adds the user `d` to the group `audio`
    8 MISSING: runs `gpasswd -a d f`
    9 harmless: a new image has nothing to clear away
    10 MISSING: runs `adduser --system $(cat /n)`
    ");
}

#[test]
fn refreshes_wrappers_and_passing_places() {
    let text = "ldconfig\n/usr/sbin/update-mime-database /usr/share/mime\nupdate-ca-certificates\n\
                fc-cache -s > /var/log/f.log\nfind /a -name b -exec chown -R c: {} +\n\
                find /a -delete\nfind /a | xargs -0 -n 1 chmod 600\nenv A=b nice -n 5 mandb -q\n\
                setpriv --reuid x -- /usr/bin/mkdir /d\nmkdir -p /tmp/x /usr/share/man/y\n\
                sed -e s/i/j/ /e\nsed -i s/i/j/ /e\nt=$(mktemp); echo a > $t; ucf $t /etc/u\n\
                ucf --purge /etc/u\nchown root:root /e\n/etc/init.d/x start\n$UNKNOWN --x\n\
                py3compile -p x\npython3.13 -m compileall /x\nphpenmod x\ncommand -v y >/dev/null\n\
                dpkg-statoverride --list /e || dpkg-statoverride --update --add a b 2755 /e\n";
    insta::assert_snapshot!(told("postinst", text), @"
    1 made: the cache of the loader
    2 made: the types of files
    3 made: the bundle of certificates
    4 harmless: without the cache, programs look through the files themselves
    5 MISSING: runs `find /a -name b -exec chown -R c: {} +`
    6 harmless: a new image has nothing to clear away
    7 MISSING: runs `chmod 600`
    8 harmless: an image has no manuals
    9 MISSING: runs `/usr/bin/mkdir /d`
    10 harmless: nothing in an image reads what is there
    12 MISSING: runs `sed -i s/i/j/ /e`
    13 harmless: nothing in an image reads what is there
    13 MISSING: makes `/etc/u` out of `/tmp/tmp.XXXXXXXXXX`
    14 harmless: nobody is asked while an image is made
    15 harmless: files are root's unless told otherwise
    16 harmless: no service runs or is enabled in an image
    17 MISSING: runs `$UNKNOWN --x`
    18 harmless: Python compiles modules when it imports them
    19 harmless: Python compiles modules when it imports them
    20 made: PHP's modules
    22 MISSING: runs `dpkg-statoverride --update --add a b 2755 /e`
    ");
}

#[test]
fn what_only_a_trigger_does() {
    let text = "if [ \"$1\" = triggered ]; then\n  for t in $2; do update-index \"$t\"; done\n  exit 0\n\
                fi\nupdate-index --all\n";
    insta::assert_snapshot!(told("postinst", text), @"
    2 on trigger MISSING: runs `update-index $t`
    5 MISSING: runs `update-index --all`
    ");
}

#[test]
fn folders_of_the_administrator() {
    let text = "mkdir $d\n# Automatically added by dh_usrlocal/13.24\nwhile read line; do\n\
                set -- $line\nmkdir \"$1\"\ndone <<D\n/usr/local/x 02775 root staff\nD\n\
                # End automatically added section\nmkdir $d/e\n";
    insta::assert_snapshot!(told("postinst", text), @"
    1 MISSING: makes `$d`
    5 harmless: nothing in an image reads what is there
    10 MISSING: makes `$d/e`
    ");
}

#[test]
fn scripts_that_cannot_be_followed_are_named() {
    for (name, text, expected) in [
        (
            "postinst",
            "#!/usr/bin/perl\nuse strict;",
            "1 MISSING: cannot be followed, because it is in no language of the shell",
        ),
        (
            "postinst",
            "#! /usr/bin/env -S python3\n",
            "1 MISSING: cannot be followed, because it is in no language of the shell",
        ),
        (
            "preinst",
            "\u{7f}ELF\0",
            "1 MISSING: cannot be followed, because it is not text",
        ),
        (
            "postinst",
            "a\nfi",
            "2 MISSING: cannot be followed, because something ends that did not begin",
        ),
        ("postrm", "rm -rf /", ""),
    ] {
        assert_eq!(told(name, text), expected, "{text}");
    }
    let long = "a\n".repeat(MAX_SCRIPT);
    assert!(told("postinst", &long).contains("longer than any script"));
    let many: String = (0..5000).map(|n| format!("a{n}\n")).collect();
    let effects = effects("postinst", &many);
    assert_eq!(effects.len(), MAX_EFFECTS + 1);
    assert!(matches!(
        effects.last().unwrap().action,
        Action::Unread { .. }
    ));
    let endless = told("postinst", "f() { f; }; f");
    assert!(endless.contains("too much work"), "{endless}");
}

#[test]
fn what_is_shown_moves_no_terminal() {
    let text = format!(
        "'\u{1b}[2J' \u{202e} {}\nmkdir '/\u{1b}x'\nadduser '\u{1b}'\n",
        "y".repeat(900)
    );
    let told = told("post\u{1b}inst", &text);
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
    assert!(told.contains('…'));
}

proptest! {
    #[test]
    fn any_text_has_effects(
        text in "((adduser|ln|cp|find|xargs|env|ucf|install|update-alternatives|dpkg-divert|> /a|-d|--add|--install|/a|1|\\$x|-exec|--)[ \n]|[ -~\u{1b}]){0,30}",
    ) {
        for effect in effects("postinst", &text) {
            let shown = format!("{:?} {} {}", effect.consequence(), effect.script, effect.command);
            let is_fit = !shown.contains('\u{1b}');
            prop_assert!(is_fit);
        }
    }
}
