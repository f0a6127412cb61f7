# Run by bash in a container of python3:dev, in /app, which the test shares with it.
set -eu
fail() { echo "FAIL: $*"; exit 1; }
says_nothing() { local said; said=$("$@" 2>&1) && [ -z "$said" ] || fail "$* says: $said"; }
leads_to() { [ "$(readlink -f "$1")" = "$2" ] || fail "$1 leads to $(readlink -f "$1")"; }

says_nothing dpkg --audit
says_nothing dpkg --verify
for program in awk nawk which cc c++ c99 make pager pip update-ca-certificates; do
  command -v "$program" >/dev/null || fail "no $program"
done
[ "$(su -s /bin/sh nobody -c 'id -un')" = nobody ] || fail "su"
leads_to /usr/bin/awk /usr/bin/mawk

# A wheel with a module in C, by a backend of its own, so that nothing is fetched.
pip install --quiet --no-index --target=/app/deps ./fit
python3 -m venv /app/venv
/app/venv/bin/pip install --quiet --no-index ./fit

# An authority of one's own.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=dev-test \
  -keyout /tmp/key -out /usr/local/share/ca-certificates/dev-test.crt 2>/dev/null
update-ca-certificates | grep -q '1 added' || fail "update-ca-certificates added nothing"
python3 - <<'P' || fail "Python does not know the new authority"
import ctypes.util, ssl
names = [dict(x[0] for x in one["subject"]).get("commonName") for one in ssl.create_default_context().get_ca_certs()]
assert len(names) > 100 and "dev-test" in names and ctypes.util.find_library("ssl") == "libssl.so.3"
P

apt-get update -qq
# shellcheck disable=SC2086 # several words
apt-get install -y -q gawk libpam-cap ${PACKAGES:-}
leads_to /usr/bin/awk /usr/bin/gawk
grep -q pam_cap /etc/pam.d/common-auth || fail "PAM's configuration takes no more modules"
apt-get purge -y -q gawk
leads_to /usr/bin/awk /usr/bin/mawk

# A configuration file that nobody has changed is upgraded without a question, and no package that
# is there has one to ask on a terminal.
cd /tmp
apt-get download -q media-types
dpkg-deb --raw-extract media-types_*.deb new
echo "application/x-dev dev" >>new/etc/mime.types
sed -i 's/^Version: .*/&+dev/' new/DEBIAN/control
rm -f new/DEBIAN/md5sums
dpkg-deb --build new new.deb >/dev/null
dpkg --install new.deb </dev/null
grep -q x-dev /etc/mime.types || fail "the new configuration file is not there"
dpkg --install media-types_*.deb </dev/null
# One that somebody has changed is theirs: dpkg asks, and keeps it if that is said.
echo "application/x-mine mine" >>/etc/mime.types
if dpkg --install new.deb </dev/null; then fail "a changed configuration file is replaced"; fi
dpkg --force-confold --configure media-types
grep -q x-mine /etc/mime.types && grep -q x-dev /etc/mime.types.dpkg-dist || fail "it is not kept"
dpkg --force-confnew --install media-types_*.deb </dev/null
rm /etc/mime.types.dpkg-*
mkfifo silent
exec 9<>silent # a terminal at which nobody types
TERM=xterm timeout 120 \
  script -qec "apt-get install -y --reinstall tzdata ca-certificates" /dev/null <&9 >/tmp/terminal ||
  fail "on a terminal: $(cat /tmp/terminal)"

says_nothing dpkg --audit
says_nothing dpkg --verify
[ -z "$(ls /var/cache/apt/archives/*.deb 2>/dev/null)" ] || fail "packages are left in apt's cache"
case " ${PACKAGES:-} " in
  *openjdk*) [ -s /etc/ssl/certs/java/cacerts ] || fail "no key store" ;;
esac
echo "ALL IS WELL"
