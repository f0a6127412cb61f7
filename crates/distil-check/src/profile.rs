//! What images are for.

use serde::Deserialize;

use crate::rule::{
    COMPILER, DEBUGGER, INTERPRETER, PACKAGE_MANAGER, RANDOM_USER, Rule, SETUID, SHELL, TOOLBOX,
    USER_NAME, USER_ROOT, WORLD_WRITABLE,
};
use crate::severity::Severity;

/// What an image is for, which says how bad some findings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// An image for production.
    #[default]
    Distroless,
    /// One with busybox to look around.
    Debug,
    /// One to build in.
    Dev,
    /// Production under Kubernetes' restricted pod security, with `runAsNonRoot`.
    Kubernetes,
    /// Production under OpenShift, with random users.
    OpenShift,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Distroless,
        Self::Debug,
        Self::Dev,
        Self::Kubernetes,
        Self::OpenShift,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Distroless => "distroless",
            Self::Debug => "debug",
            Self::Dev => "dev",
            Self::Kubernetes => "kubernetes",
            Self::OpenShift => "openshift",
        }
    }

    /// The severity of a rule's findings, where the profile has an opinion of its own.
    pub fn severity(self, rule: &Rule) -> Option<Severity> {
        let is = |rules: &[&Rule]| rules.contains(&rule);
        match self {
            Self::Distroless => None,
            Self::Debug => {
                // Java's debug variant has the JDK's tools, of which one compiles.
                let tools = [&SHELL, &TOOLBOX, &COMPILER, &INTERPRETER, &DEBUGGER];
                is(&tools).then_some(Severity::Info)
            }
            Self::Dev => {
                let tools = [
                    &SHELL,
                    &TOOLBOX,
                    &PACKAGE_MANAGER,
                    &SETUID,
                    &COMPILER,
                    &INTERPRETER,
                    &DEBUGGER,
                    &WORLD_WRITABLE,
                ];
                is(&tools).then_some(Severity::Info)
            }
            Self::Kubernetes => is(&[&USER_ROOT, &USER_NAME]).then_some(Severity::Error),
            Self::OpenShift => is(&[&RANDOM_USER]).then_some(Severity::Error),
        }
    }
}
