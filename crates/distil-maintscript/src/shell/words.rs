//! Reading words, with quotes and expansions, and redirections.

use super::parse::{Parsed, Parser};
use super::syntax::{Assignment, DefaultAction, Part, PartKind, Word};

/// Where a run of parts ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Before a blank or an operator.
    Word,
    /// Before a `"`.
    Quote,
    /// Before a `}`.
    Brace,
}

/// A word of one text.
pub(super) fn text_word(text: &str) -> Word<'_> {
    word_of(text, PartKind::Text(text.to_owned()))
}

/// A word that is not followed.
pub(super) fn opaque_word(source: &str) -> Word<'_> {
    word_of(source, PartKind::Opaque)
}

fn word_of<'a>(source: &'a str, kind: PartKind<'a>) -> Word<'a> {
    let is_quoted = true;
    Word {
        source,
        parts: vec![Part {
            source,
            is_quoted,
            kind,
        }],
    }
}

impl<'a> Parser<'a> {
    /// A variable's name, which may be empty.
    pub(super) fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match rest.starts_with(|c: char| c.is_ascii_digit()) {
            true => 0,
            false => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
        };
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// `name=word`, if it comes next.
    pub(super) fn assignment(&mut self) -> Parsed<Option<Assignment<'a>>> {
        let start = self.at;
        let name = self.name();
        let appends = self.starts("+=");
        if name.is_empty() || !(self.take("+=") || self.take("=")) {
            self.at = start;
            return Ok(None);
        }
        self.assigned.insert(name);
        if self.peek() == Some(b'(') {
            self.balanced()?;
            return Ok(Some(Assignment { name, value: None }));
        }
        let start = self.at;
        let parts = self.parts(End::Word, false)?;
        let source = self.since(start);
        let value = (!appends).then_some(Word { source, parts });
        Ok(Some(Assignment { name, value }))
    }

    /// The next word, if one comes next.
    pub(super) fn word(&mut self) -> Parsed<Option<Word<'a>>> {
        let start = self.at;
        let parts = self.parts(End::Word, false)?;
        let source = self.since(start);
        Ok((!source.is_empty()).then_some(Word { source, parts }))
    }

    fn parts(&mut self, end: End, is_quoted: bool) -> Parsed<Vec<Part<'a>>> {
        let mut parts = Vec::new();
        loop {
            let start = self.at;
            let Some(byte) = self.peek() else {
                return Ok(parts);
            };
            let (kind, is_quoted) = match (byte, end) {
                (b'<' | b'>', End::Word) if self.starts("<(") || self.starts(">(") => {
                    self.at += 1;
                    self.balanced()?;
                    (PartKind::Opaque, is_quoted)
                }
                (
                    b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')',
                    End::Word,
                )
                | (b'"', End::Quote)
                | (b'}', End::Brace) => return Ok(parts),
                (b'\\', _) => match self.backslash(end) {
                    Some(text) => (PartKind::Text(text), true),
                    None => continue,
                },
                (b'\'', End::Word | End::Brace) => (PartKind::Text(self.single_quoted()?), true),
                (b'"', _) => {
                    self.at += 1;
                    let quoted = self.deeper(|parser| parser.parts(End::Quote, true))?;
                    if !self.take("\"") {
                        return Err(self.wrong("a `\"` is not closed"));
                    }
                    if quoted.is_empty() {
                        (PartKind::Text(String::new()), true)
                    } else {
                        parts.extend(quoted);
                        continue;
                    }
                }
                (b'$', _) => (self.deeper(|parser| parser.expansion(end))?, is_quoted),
                (b'`', _) => (self.deeper(Self::backquoted)?, is_quoted),
                _ => (PartKind::Text(self.plain(end)), is_quoted),
            };
            parts.push(Part {
                source: self.since(start),
                is_quoted,
                kind,
            });
        }
    }

    /// Text up to the next character that could mean something.
    fn plain(&mut self, end: End) -> String {
        let start = self.at;
        self.any();
        let rest = self.rest();
        let is_special = |c: char| match end {
            End::Word => c.is_ascii_whitespace() || ";&|<>()\\'\"$`".contains(c),
            End::Quote => "\\\"$`".contains(c),
            End::Brace => "\\'\"$`}".contains(c),
        };
        let text = rest.get(..rest.find(is_special).unwrap_or(rest.len()));
        let text = text.unwrap_or_default();
        self.at += text.len();
        self.line += text.matches('\n').count();
        self.since(start).to_owned()
    }

    /// What a backslash stands for; a continued line for nothing.
    fn backslash(&mut self, end: End) -> Option<String> {
        self.at += 1;
        match (self.any(), end) {
            (Some('\n'), _) => None,
            (Some(c), End::Quote) if !"$`\"\\".contains(c) => Some(format!("\\{c}")),
            (Some(c), _) => Some(c.to_string()),
            (None, _) => Some("\\".to_owned()),
        }
    }

    fn single_quoted(&mut self) -> Parsed<String> {
        self.at += 1;
        let rest = self.rest();
        let length = rest.find('\'').ok_or(self.wrong("a `'` is not closed"))?;
        let text = rest.get(..length).unwrap_or_default();
        self.at += length + 1;
        self.line += text.matches('\n').count();
        Ok(text.to_owned())
    }

    fn expansion(&mut self, end: End) -> Parsed<PartKind<'a>> {
        self.at += 1;
        if self.starts("((") {
            self.balanced()?;
            return Ok(PartKind::Opaque);
        }
        if self.take("(") {
            let list = self.list()?;
            return match self.take(")") {
                true => Ok(PartKind::Output(list)),
                false => Err(self.wrong("a `$(` is not closed")),
            };
        }
        if self.take("{") {
            return self.braced();
        }
        if end == End::Word && self.starts("'") {
            return self.ansi_quoted();
        }
        match self.parameter() {
            "" => Ok(PartKind::Text("$".to_owned())),
            name => Ok(PartKind::Variable(name)),
        }
    }

    /// `$'…'` of bash.
    fn ansi_quoted(&mut self) -> Parsed<PartKind<'a>> {
        self.at += 1;
        loop {
            match self.any() {
                Some('\'') => return Ok(PartKind::Opaque),
                Some('\\') => drop(self.any()),
                Some(_) => {}
                None => return Err(self.wrong("a `'` is not closed")),
            }
        }
    }

    /// The name of a variable, an argument or a special parameter, which may be empty.
    fn parameter(&mut self) -> &'a str {
        let start = self.at;
        if let Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-') = self.peek() {
            self.at += 1;
            return self.since(start);
        }
        self.name()
    }

    /// What follows `${` (POSIX.1-2024, 2.6.2).
    fn braced(&mut self) -> Parsed<PartKind<'a>> {
        let name = match self.peek() {
            // A length, or a variable that another one names.
            Some(b'#' | b'!') if !self.rest()[1..].starts_with('}') => "",
            Some(b'0'..=b'9') => {
                let start = self.at;
                while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                    self.at += 1;
                }
                self.since(start)
            }
            _ => self.parameter(),
        };
        if !name.is_empty() && self.take("}") {
            return Ok(PartKind::Variable(name));
        }
        let is_empty_unset = self.take(":");
        let action = match self.peek() {
            Some(b'-') => Some(DefaultAction::Use),
            Some(b'=') => Some(DefaultAction::Assign),
            Some(b'+') => Some(DefaultAction::Replace),
            _ => None,
        };
        self.at += usize::from(action.is_some());
        let start = self.at;
        let parts = self.parts(End::Brace, false)?;
        let source = self.since(start);
        if !self.take("}") {
            return Err(self.wrong("a `${` is not closed"));
        }
        match action {
            Some(action) if !name.is_empty() => Ok(PartKind::Default {
                name,
                is_empty_unset,
                action,
                word: Word { source, parts },
            }),
            _ => Ok(PartKind::Opaque),
        }
    }

    /// `` `…` ``. With a backslash inside, the text would be another than it is written.
    fn backquoted(&mut self) -> Parsed<PartKind<'a>> {
        let line = self.line;
        self.at += 1;
        let start = self.at;
        let mut has_backslash = false;
        loop {
            match self.any() {
                Some('`') => break,
                Some('\\') => {
                    has_backslash = true;
                    self.any();
                }
                Some(_) => {}
                None => return Err(self.wrong("a backquote is not closed")),
            }
        }
        if has_backslash {
            return Ok(PartKind::Opaque);
        }
        let inside = self.text.get(start..self.at - 1).unwrap_or_default();
        let mut parser = Self::new(inside, line, self.depth);
        let list = parser.list()?;
        self.assigned.append(&mut parser.assigned);
        match parser.peek() {
            None => Ok(PartKind::Output(list)),
            Some(_) => Err(parser.wrong("something ends that did not begin")),
        }
    }

    /// Passes over a parenthesis and all up to the one that closes it.
    pub(super) fn balanced(&mut self) -> Parsed<()> {
        let mut open = 0_usize;
        loop {
            match self.any() {
                Some('(') => open += 1,
                Some(')') if open <= 1 => return Ok(()),
                Some(')') => open -= 1,
                Some('\\') => drop(self.any()),
                Some(quote @ ('\'' | '"')) => loop {
                    match self.any() {
                        Some('\\') if quote == '"' => drop(self.any()),
                        Some(end) if end == quote => break,
                        Some(_) => {}
                        None => return Err(self.wrong("a quote is not closed")),
                    }
                },
                Some(_) => {}
                None => return Err(self.wrong("a `(` is not closed")),
            }
        }
    }

    /// A redirection, if one comes next; the file that it writes is added to `writes`.
    pub(super) fn redirection(&mut self, writes: &mut Vec<Word<'a>>) -> Parsed<bool> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let is_substitution = self.starts("<(") || self.starts(">(");
        const OPERATORS: [&str; 12] = [
            "&>>", "&>", "<<<", "<<-", "<<", "<&", "<>", "<", ">&", ">>", ">|", ">",
        ];
        let operator = OPERATORS.into_iter().find(|operator| self.starts(operator));
        let Some(operator) = operator.filter(|_| !is_substitution) else {
            self.at = start;
            return Ok(false);
        };
        self.at += operator.len();
        self.blanks();
        let word = self.word()?;
        let word = word.ok_or(self.wrong("a redirection goes nowhere"))?;
        match operator {
            "<<" | "<<-" => {
                let end = word.parts.iter().map(|part| match &part.kind {
                    PartKind::Text(text) => text.as_str(),
                    _ => part.source,
                });
                self.here_documents.push((end.collect(), operator == "<<-"));
            }
            ">&" if word.source == "-" || word.source.bytes().all(|b| b.is_ascii_digit()) => {}
            "&>>" | "&>" | ">&" | ">>" | ">|" | ">" => writes.push(word),
            _ => {}
        }
        Ok(true)
    }
}
