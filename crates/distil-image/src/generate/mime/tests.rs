use std::fmt::Write;

use super::*;

/// What a cache says, part by part, as programs read it.
struct Reader(Vec<u8>);

impl Reader {
    fn number(&self, at: usize) -> usize {
        let bytes = self.0[at..at + 4].try_into().unwrap();
        u32::from_be_bytes(bytes) as usize
    }

    fn numbers<const N: usize>(&self, at: usize) -> [usize; N] {
        std::array::from_fn(|index| self.number(at + 4 * index))
    }

    fn string(&self, at: usize) -> String {
        let bytes = self.0[at..].split(|byte| *byte == 0).next().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Records of so many strings, then so many numbers.
    fn records(&self, at: usize, strings: usize, numbers: usize) -> Vec<String> {
        let size = 4 * (strings + numbers);
        let record = |index| {
            let at = at + 4 + index * size;
            let texts = (0..strings).map(|one| self.string(self.number(at + 4 * one)));
            let rest =
                (strings..strings + numbers).map(|one| self.number(at + 4 * one).to_string());
            texts.chain(rest).collect::<Vec<_>>().join(" ")
        };
        (0..self.number(at)).map(record).collect()
    }

    fn suffixes(&self, count: usize, at: usize, suffix: &str, out: &mut Vec<String>) {
        for index in 0..count {
            let [character, a, b] = self.numbers(at + 12 * index);
            match char::from_u32(u32::try_from(character).unwrap()).unwrap() {
                '\0' => out.push(format!("*{suffix} {} {b}", self.string(a))),
                other => self.suffixes(a, b, &format!("{other}{suffix}"), out),
            }
        }
    }

    fn matches(&self, count: usize, at: usize, depth: usize, out: &mut Vec<String>) {
        for index in 0..count {
            let [start, length, word, size, data, mask, children, child] =
                self.numbers(at + 32 * index);
            let bytes = |at: usize| self.0[at..at + size].escape_ascii().to_string();
            let mask = if mask == 0 {
                String::new()
            } else {
                format!(" & {}", bytes(mask))
            };
            let indent = "  ".repeat(depth);
            out.push(format!(
                "{indent}{start}+{length} ~{word} {}{mask}",
                bytes(data)
            ));
            self.matches(children, child, depth + 1, out);
        }
    }

    fn text(&self) -> String {
        assert_eq!(self.0[..4], [0, 1, 0, 2]);
        let parts: [usize; 10] = self.numbers(4);
        let [
            aliases,
            parents,
            literals,
            suffixes,
            others,
            magic,
            roots,
            icons,
            generic,
            types,
        ] = parts;
        let mut out = String::new();
        let mut section = |name: &str, lines: Vec<String>| {
            writeln!(out, "{name}: {}", lines.join("; ")).unwrap();
        };
        section("aliases", self.records(aliases, 2, 0));
        let parent = |index| {
            let [mime, list] = self.numbers(parents + 4 + 8 * index);
            format!(
                "{}: {}",
                self.string(mime),
                self.records(list, 1, 0).join(", ")
            )
        };
        section("parents", (0..self.number(parents)).map(parent).collect());
        section("literals", self.records(literals, 2, 1));
        let mut found = Vec::new();
        let [count, first] = self.numbers(suffixes);
        self.suffixes(count, first, "", &mut found);
        section("suffixes", found);
        section("others", self.records(others, 2, 1));
        let [count, extent, first] = self.numbers(magic);
        section("extent", vec![extent.to_string()]);
        for index in 0..count {
            let [priority, mime, count, matches] = self.numbers(first + 16 * index);
            let mut found = Vec::new();
            self.matches(count, matches, 0, &mut found);
            section(&format!("magic {priority} {}", self.string(mime)), found);
        }
        section("roots", self.records(roots, 3, 0));
        section("icons", self.records(icons, 2, 0));
        section("generic icons", self.records(generic, 2, 0));
        section("types", self.records(types, 1, 0));
        out
    }
}

fn told(descriptions: &[&str]) -> String {
    Reader(mime_cache(descriptions)).text()
}

const HEAD: &str = "<?xml version='1.0'?><!DOCTYPE mime-info [<!ELEMENT mime-info (mime-type)+> \
                    <!-- it's \"one > other\" -->]>\
                    <mime-info xmlns='http://www.freedesktop.org/standards/shared-mime-info'>";

fn described(types: &str) -> String {
    format!("{HEAD}{types}</mime-info>")
}

#[test]
fn all_that_is_said_of_types() {
    let text = described(
        "<mime-type type='image/svg+xml'><comment xml:lang='de'>Bild</comment>\
         <sub-class-of type='application/xml'/><sub-class-of type='text/x&#45;a'/>\
         <alias type='image/svg'/><glob pattern='*.svg'/><glob pattern='*.SVG' weight='60'/>\
         <root-XML namespaceURI='http://www.w3.org/2000/svg' localName='svg'/>\
         <root-XML namespaceURI='urn:any' localName=''/>\
         <magic priority='80'><match value='&lt;svg' type='string' offset='0:256'>\
         <match value='0x1234' type='big16' offset='4' mask='0xff00'/>\
         <match value='010' type='byte' offset='9'><match value='x' type='string' offset='1'/></match>\
         </match><match value='a\\0\\x41\\n\\\\\\101z' type='string' offset='0' mask='0xf0f'/></magic>\
         <icon name='svg'/></mime-type>\
         <mime-type type='text/x-make'><glob pattern='Makefile' case-sensitive='true'/>\
         <glob pattern='makefile'/><glob pattern='*.mk'/><glob pattern='*.[mM]?'/>\
         <generic-icon name='text-x-script'/>\
         <magic><match value='1' type='host32' offset='0'/></magic>\
         <magic><match value='258' type='little32' offset='0'/></magic></mime-type>\
         <mime-type type='text/a'><glob pattern='*.vg' weight='10'/><glob-deleteall/>\
         <magic-deleteall/></mime-type>",
    );
    insta::assert_snapshot!(told(&[&text]), @r"
    aliases: image/svg image/svg+xml
    parents: image/svg+xml: application/xml, text/x-a
    literals: Makefile text/x-make 306; __NOGLOBS__ text/a 0; makefile text/x-make 50
    suffixes: *.vg text/a 10; *.svg image/svg+xml 60; *.mk text/x-make 50
    others: *.[mm]? text/x-make 50
    extent: 261
    magic 0 text/a: 0+1 ~1 __NOMAGIC__
    magic 80 image/svg+xml: 0+257 ~1 <svg;   4+1 ~1 \x124 & \xff\x00;   9+1 ~1 \x08;     1+1 ~1 x; 0+1 ~1 a\x00A\n\\Az & \xf0\xf0\x00\x00\x00\x00\x00
    magic 50 text/x-make: 0+1 ~4 \x00\x00\x00\x01
    magic 50 text/x-make: 0+1 ~1 \x02\x01\x00\x00
    roots: http://www.w3.org/2000/svg svg image/svg+xml; urn:any  image/svg+xml
    icons: image/svg+xml svg
    generic icons: text/x-make text-x-script
    types: image/svg+xml; text/a; text/x-make
    ");
}

/// As update-mime-database does it with an element, but that the rest of its type holds.
#[test]
fn what_says_nothing_is_left_out() {
    let text = described(
        "<mime-type type='none'><glob pattern='*.none'/></mime-type>\
         <mime-type><glob pattern='*.none'/></mime-type>\
         <mime-type type='a/b'><glob/><glob pattern=''/><glob pattern='*.x' weight='101'/>\
         <alias type='none'/><sub-class-of/><root-XML namespaceURI='' localName=''/><icon/>\
         <magic/><magic priority='x'><match value='1' type='byte' offset='0'/></magic>\
         <magic><match value='256' type='byte' offset='0'/></magic>\
         <magic><match value='x' type='string' offset='3:1'/></magic>\
         <magic><match value='x' type='other' offset='1'/></magic>\
         <magic><match value='x' type='string' mask='0xfff' offset='1'/></magic>\
         <magic><match value='x' type='string' offset='1'><match/></match></magic>\
         <match value='x' type='string' offset='1'/><glob pattern='*'/></mime-type>",
    );
    let nested = format!(
        "<mime-type type='c/d'><magic>{}{}</magic></mime-type>",
        "<match value='x' type='string' offset='1'>".repeat(100),
        "</match>".repeat(100)
    );
    let broken = format!("{HEAD}<mime-type type='e/f'><glob pattern='*.e'/></mime-type><open>");
    let other = "<other><mime-type type='g/h'><glob pattern='*.g'/></mime-type></other>";
    let texts = [&*text, &described(&nested), &broken, other, "", "\u{0}<"];
    insta::assert_snapshot!(told(&texts), @"
    aliases: 
    parents: 
    literals: 
    suffixes: 
    others: * a/b 50
    extent: 0
    roots: 
    icons: 
    generic icons: 
    types: a/b; c/d
    ");
}

#[test]
fn later_descriptions_hold() {
    let one = described("<mime-type type='a/b'><alias type='x/y'/><icon name='1'/></mime-type>");
    let two = described("<mime-type type='c/d'><alias type='x/y'/></mime-type>");
    let three = described("<mime-type type='a/b'><icon name='2'/></mime-type>");
    let told = told(&[&one, &two, &three]);
    assert!(told.contains("aliases: x/y c/d\n"), "{told}");
    assert!(told.contains("\nicons: a/b 2\n"), "{told}");
}
