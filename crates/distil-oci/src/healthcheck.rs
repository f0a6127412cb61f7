//! The check by which an engine tells whether a container is healthy: `config.Healthcheck` of the
//! configuration (Docker image specification 1.2, "Image JSON Field Descriptions"; the OCI image
//! specification reserves the name).
//!
//! The types of `oci-spec` do not have it, so it is read from, and put into, the document itself.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A command that an engine runs in the container now and then, and how it takes the outcome.
///
/// Docker does what it says. Podman does so for images with Docker's media types, and ignores it in
/// those with OCI's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// The command after the word that says how to run it: `CMD` with a program and its arguments,
    /// `CMD-SHELL` with a line for the shell, or `NONE` alone for no check. Empty for that of the
    /// image below, as far as there is one.
    pub test: Vec<String>,
    /// From one check to the next; `None` for the engine's default, which is 30 seconds.
    pub interval: Option<Duration>,
    /// How long a check may take; `None` for the engine's default, which is 30 seconds.
    pub timeout: Option<Duration>,
    /// How long failures do not count after the start; `None` for the engine's default, which is 0.
    pub start_period: Option<Duration>,
    /// From one check to the next during the start period, for Docker since version 25; `None` for
    /// the engine's default, which is 5 seconds.
    pub start_interval: Option<Duration>,
    /// How many failures in a row make a container unhealthy; `None` for the engine's default,
    /// which is 3.
    pub retries: Option<u32>,
}

const CONFIG: &str = "config";
const HEALTHCHECK: &str = "Healthcheck";

/// Docker makes no container of an image with a shorter time.
const SHORTEST: Duration = Duration::from_millis(1);
/// Times are a signed number of nanoseconds in 64 bits.
const LONGEST: Duration = Duration::from_nanos(i64::MAX.unsigned_abs());

impl Healthcheck {
    /// The check in a configuration's document; `None` if it has none, or something else in its
    /// place. Fields that are not what they should be count as absent, and so does zero, as it does
    /// for engines.
    pub(crate) fn of_config(document: &[u8]) -> Option<Self> {
        /// The rest of the document is passed over.
        #[derive(Deserialize)]
        struct Outer {
            config: Value,
        }
        let outer: Outer = serde_json::from_slice(document).ok()?;
        let check = outer.config.get(HEALTHCHECK)?.as_object()?;
        let positive = |key| {
            let number = check.get(key).and_then(Value::as_u64);
            number.filter(|number| *number > 0)
        };
        let time = |key| {
            let time = positive(key).map(Duration::from_nanos);
            time.filter(|time| *time <= LONGEST)
        };
        let words = |list: &Vec<Value>| {
            list.iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
        };
        let test = check.get("Test").and_then(Value::as_array);
        Some(Self {
            // Half a command would be another one.
            test: test.and_then(words).unwrap_or_default(),
            interval: time("Interval"),
            timeout: time("Timeout"),
            start_period: time("StartPeriod"),
            start_interval: time("StartInterval"),
            retries: positive("Retries").and_then(|number| number.try_into().ok()),
        })
    }

    /// Puts the check into a configuration.
    pub(crate) fn put_into(&self, config: &mut Value) -> Result<(), InvalidHealthcheck> {
        let mut check = Map::new();
        if !self.test.is_empty() {
            check.insert("Test".to_owned(), self.test.clone().into());
        }
        for (key, time) in [
            ("Interval", self.interval),
            ("Timeout", self.timeout),
            ("StartPeriod", self.start_period),
            ("StartInterval", self.start_interval),
        ] {
            let Some(time) = time.filter(|time| !time.is_zero()) else {
                continue;
            };
            let number = u64::try_from(time.as_nanos());
            match number {
                Ok(number) if (SHORTEST..=LONGEST).contains(&time) => {
                    check.insert(key.to_owned(), number.into());
                }
                _ => return Err(InvalidHealthcheck { key, time }),
            }
        }
        if let Some(retries) = self.retries.filter(|retries| *retries > 0) {
            check.insert("Retries".to_owned(), retries.into());
        }
        config[CONFIG][HEALTHCHECK] = check.into();
        Ok(())
    }
}

/// A time of a health check is too short or too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the `{key}` of the health check is {time:?}; it has to be at least 1ms, or 0 for the engine's default, and at most 292 years"
)]
pub struct InvalidHealthcheck {
    key: &'static str,
    time: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(check: &Value) -> Option<Healthcheck> {
        let document = json!({"os": "linux", "config": {"User": "1", "Healthcheck": check}});
        Healthcheck::of_config(document.to_string().as_bytes())
    }

    fn written(check: &Healthcheck) -> Result<Value, String> {
        let mut config = json!({"config": {"User": "1"}});
        match check.put_into(&mut config) {
            Ok(()) => Ok(config["config"]["Healthcheck"].clone()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn whole() -> Healthcheck {
        Healthcheck {
            test: ["CMD", "/usr/bin/x", "--check"].map(str::to_owned).into(),
            interval: Some(Duration::from_millis(1500)),
            timeout: Some(SHORTEST),
            start_period: Some(LONGEST),
            start_interval: Some(Duration::from_nanos(1_000_001)),
            retries: Some(u32::MAX),
        }
    }

    #[test]
    fn every_field_is_written_as_docker_names_it() {
        let expected = json!({
            "Test": ["CMD", "/usr/bin/x", "--check"],
            "Interval": 1_500_000_000_u64,
            "Timeout": 1_000_000,
            "StartPeriod": i64::MAX,
            "StartInterval": 1_000_001,
            "Retries": u32::MAX,
        });
        assert_eq!(written(&whole()), Ok(expected.clone()));
        assert_eq!(read(&expected), Some(whole()));
    }

    #[test]
    fn what_the_engine_shall_choose_is_left_out() {
        let zero = Some(Duration::ZERO);
        let check = Healthcheck {
            interval: zero,
            timeout: zero,
            retries: Some(0),
            ..Healthcheck::default()
        };
        assert_eq!(written(&check), Ok(json!({})));
        assert_eq!(read(&json!({})), Some(Healthcheck::default()));
        let zeros = json!({"Test": [], "Interval": 0, "Retries": 0});
        assert_eq!(read(&zeros), Some(Healthcheck::default()));
    }

    #[test]
    fn a_configuration_without_an_inner_one_gets_it() {
        let mut config = json!({"os": "linux"});
        Healthcheck::default().put_into(&mut config).unwrap();
        assert_eq!(
            config,
            json!({"os": "linux", "config": {"Healthcheck": {}}})
        );
    }

    #[test]
    fn times_that_docker_refuses_are_refused() {
        let error = |time| {
            let check = Healthcheck {
                start_interval: Some(time),
                ..whole()
            };
            written(&check).unwrap_err()
        };
        insta::assert_snapshot!(error(Duration::from_nanos(999_999)), @"the `StartInterval` of the health check is 999.999µs; it has to be at least 1ms, or 0 for the engine's default, and at most 292 years");
        let long = LONGEST + Duration::from_nanos(1);
        insta::assert_snapshot!(error(long), @"the `StartInterval` of the health check is 9223372036.854775808s; it has to be at least 1ms, or 0 for the engine's default, and at most 292 years");
        assert!(!error(Duration::MAX).is_empty());
    }

    #[test]
    fn what_cannot_be_read_counts_as_absent() {
        let good = json!({"Test": ["NONE"], "Retries": 2});
        let expected = Healthcheck {
            test: vec!["NONE".to_owned()],
            retries: Some(2),
            ..Healthcheck::default()
        };
        for (key, value) in [
            ("Interval", json!(-1)),
            ("Interval", json!(1.5)),
            ("Timeout", json!("30s")),
            ("Timeout", json!(u64::MAX)),
            ("StartPeriod", json!({})),
            ("StartInterval", json!(null)),
            ("Unknown", json!([1, 2])),
        ] {
            let mut odd = good.clone();
            odd[key] = value.clone();
            assert_eq!(read(&odd), Some(expected.clone()), "{key} {value}");
        }
        let retries = json!({"Retries": u64::from(u32::MAX) + 1});
        assert_eq!(read(&retries), Some(Healthcheck::default()));
        for test in [json!("x"), json!(["CMD", 1]), json!(null), json!([["CMD"]])] {
            let odd = json!({"Test": test});
            assert_eq!(read(&odd), Some(Healthcheck::default()), "{test}");
        }
        for odd in [json!(null), json!([]), json!("x"), json!(1)] {
            assert_eq!(read(&odd), None, "{odd}");
        }
        for document in ["", "[]", "{}", r#"{"config":null}"#, r#"{"config":[]}"#] {
            assert_eq!(Healthcheck::of_config(document.as_bytes()), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            test in prop::collection::vec(any::<String>(), 0..4),
            times in prop::array::uniform4(prop::option::of(1_000_000_u64..=i64::MAX.unsigned_abs())),
            retries in prop::option::of(1_u32..),
        ) {
            let [interval, timeout, start_period, start_interval] =
                times.map(|time| time.map(Duration::from_nanos));
            let check = Healthcheck { test, interval, timeout, start_period, start_interval, retries };
            prop_assert_eq!(read(&written(&check).unwrap()), Some(check));
        }

        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            value in "[\\[\\]{}\",:0-9a-e.-]{0,40}",
        ) {
            let _ = Healthcheck::of_config(&bytes);
            let document = format!(r#"{{"config":{{"Healthcheck":{value}}}}}"#);
            let _ = Healthcheck::of_config(document.as_bytes());
        }
    }
}
