//! How a container runs: what definitions say of it, checked and put together.

use super::error::RecipeError;
use super::part::Part;
use super::values::Lowering;
use super::written::ConfigPositions;
use crate::format::Config;

/// The most words of a command.
const MAX_WORDS: usize = 1000;

impl Lowering<'_> {
    /// What the definition and its overlays say, over what is said below.
    pub(super) fn merge_config(
        &self,
        config: &mut Config,
        positions: &mut ConfigPositions,
    ) -> Result<(), RecipeError> {
        for (part, own) in self.levels("config", &self.definition.config, |one| &one.config) {
            self.merge_one(config, positions, &part, own)?;
        }
        Ok(())
    }

    /// What the definition says of how a container runs, then its overlays.
    pub(super) fn configs(&self) -> impl Iterator<Item = &Config> {
        let levels = self.levels("config", &self.definition.config, |one| &one.config);
        levels.into_iter().map(|(_, config)| config)
    }

    fn merge_one(
        &self,
        config: &mut Config,
        positions: &mut ConfigPositions,
        part: &Part,
        own: &Config,
    ) -> Result<(), RecipeError> {
        if let Some(words) = &own.entrypoint {
            self.check_command(&part.entry("entrypoint"), "entrypoint", words)?;
            config.entrypoint = Some(words.clone());
            positions.entrypoint = self.position(&part.key("entrypoint").index(0));
            // As in a Dockerfile: arguments belong to the program that they were written for.
            config.cmd = None;
        }
        if let Some(words) = &own.cmd {
            self.check_words(&part.entry("cmd"), "cmd", words)?;
            config.cmd = Some(words.clone());
            positions.cmd = self.position(&part.key("cmd").index(0));
        }
        if let Some(folder) = &own.workdir {
            let part = part.key("workdir");
            self.check_path(&part, "workdir", folder)?;
            config.workdir = Some(folder.clone());
            positions.workdir = self.position(&part);
        }
        if let Some(signal) = &own.stop_signal {
            self.check_signal(&part.key("stop_signal"), signal)?;
            config.stop_signal = Some(signal.clone());
        }
        if let Some(user) = &own.user {
            self.check_harmless(&part.key("user"), user)?;
            config.user = Some(user.clone());
            positions.user = self.position(&part.key("user"));
        }
        if let Some(check) = &own.healthcheck {
            let (check, position) = self.healthcheck(part, check)?;
            config.healthcheck = Some(check);
            positions.healthcheck = position;
        }
        let env = part.key("env");
        for (name, value) in &own.env {
            self.check_variable(&env, name, value)?;
            let part = env.key(name);
            let value = self.expand_in_part(&part, value)?;
            config.env.insert(name.clone(), value);
            positions.env.insert(name.clone(), self.position(&part));
        }
        let labels = part.key("labels");
        for (name, value) in &own.labels {
            if name.is_empty() {
                return Err(self.error(&labels.entry(name), "a label has no name"));
            }
            let part = labels.key(name);
            let value = self.expand_in_part(&part, value)?;
            config.labels.insert(name.clone(), value);
            positions.labels.insert(name.clone(), self.position(&part));
        }
        for (index, port) in own.ports.iter().enumerate() {
            self.check_port(&part.key("ports").index(index), port)?;
            config.ports.push(port.clone());
        }
        for (index, folder) in own.volumes.iter().enumerate() {
            let part = part.key("volumes").index(index);
            self.check_path(&part, "volumes", folder)?;
            if folder.bytes().all(|byte| byte == b'/') {
                let problem = "the root of the image cannot be a volume";
                return Err(self.error(&part, problem));
            }
            config.volumes.push(folder.clone());
        }
        Ok(())
    }

    /// Whether an entry of an environment can be one; `part` is all of them.
    pub(super) fn check_variable(
        &self,
        part: &Part,
        name: &str,
        value: &str,
    ) -> Result<(), RecipeError> {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let shown = name.escape_debug();
            let problem = format!("`{shown}` cannot be a variable of the environment");
            return Err(self.error(&part.entry(name), problem));
        }
        Ok(())
    }

    pub(super) fn check_command(
        &self,
        part: &Part,
        what: &str,
        words: &[String],
    ) -> Result<(), RecipeError> {
        let program = words.first().map_or("", String::as_str);
        if program.is_empty() {
            let problem = format!("`{what}` names no program");
            return Err(self.error(part, problem));
        }
        self.check_harmless(part, program)?;
        self.check_words(part, what, words)
    }

    fn check_words(&self, part: &Part, what: &str, words: &[String]) -> Result<(), RecipeError> {
        match words.len() > MAX_WORDS || words.iter().any(|word| word.contains('\0')) {
            true => {
                let problem = format!("`{what}` has too many words, or a NUL in one");
                Err(self.error(part, problem))
            }
            false => Ok(()),
        }
    }

    fn check_path(&self, part: &Part, what: &str, path: &str) -> Result<(), RecipeError> {
        let is_path = path.starts_with('/') && !path.contains(['\0', '\n', ':', ',']);
        match is_path {
            true => self.check_harmless(part, path),
            false => {
                let path = path.escape_debug();
                let problem = format!("`{path}` in `{what}` is not the path of a directory");
                Err(self.error(part, problem))
            }
        }
    }

    /// A port or a range of ports, and a protocol (OCI image specification, `ExposedPorts`).
    fn check_port(&self, part: &Part, port: &str) -> Result<(), RecipeError> {
        let (numbers, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|port| digits && *port > 0)
        };
        let in_order = matches!((number(first), number(last)), (Some(a), Some(b)) if a <= b);
        if in_order && matches!(protocol, "tcp" | "udp" | "sctp") {
            return Ok(());
        }
        let shown = port.escape_debug();
        let problem = format!("`{shown}` is no port, such as `8080`, `53/udp` or `8000-8010/tcp`");
        Err(self.error(part, problem))
    }

    /// A signal by number or name, as engines take them (signal(7)).
    fn check_signal(&self, part: &Part, signal: &str) -> Result<(), RecipeError> {
        const NAMES: [&str; 31] = [
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
            "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
            "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
        ];
        let is_number = signal
            .parse()
            .is_ok_and(|number: u8| (1..=64).contains(&number));
        let name = signal.strip_prefix("SIG").unwrap_or(signal);
        let real_time = |name: &str| {
            let (base, offset) = match name.split_once(['+', '-']) {
                Some((base, offset)) => (base, offset.parse::<u8>().ok()),
                None => (name, Some(0)),
            };
            matches!(base, "RTMIN" | "RTMAX") && offset.is_some_and(|offset| offset <= 30)
        };
        if is_number || NAMES.contains(&name) || real_time(name) {
            return Ok(());
        }
        let shown = signal.escape_debug();
        let problem = format!("`{shown}` is no signal, such as `SIGINT` or `2`");
        Err(self.error(part, problem))
    }
}
