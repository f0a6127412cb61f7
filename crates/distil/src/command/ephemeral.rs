//! What makes Kubernetes put tools beside a container: an ephemeral container (Kubernetes API v1,
//! `EphemeralContainer`), which distil describes and `kubectl` makes.

use serde::Serialize;

use crate::cli;
use crate::error::CommandError;
use crate::table::print;

/// The name that the tools' container gets in the pod.
const NAME: &str = "distil-debug";

/// A patch of a pod's `ephemeralcontainers`.
#[derive(Debug, Serialize)]
struct Patch<'a> {
    spec: Spec<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    ephemeral_containers: [EphemeralContainer<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EphemeralContainer<'a> {
    name: &'a str,
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_container_name: Option<&'a str>,
    command: [&'a str; 1],
    stdin: bool,
    tty: bool,
    security_context: SecurityContext,
}

/// What the profile "restricted" of Pod Security Standards asks for, with the user of the target: who
/// has no capabilities sees the files of a process of its own user alone (`/proc/1/root`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityContext {
    run_as_non_root: bool,
    run_as_user: u32,
    allow_privilege_escalation: bool,
    capabilities: Capabilities,
    seccomp_profile: SeccompProfile,
}

#[derive(Debug, Serialize)]
struct Capabilities {
    drop: [&'static str; 1],
}

#[derive(Debug, Serialize)]
struct SeccompProfile {
    r#type: &'static str,
}

/// Prints it as a script for a shell.
pub(crate) fn describe(arguments: &cli::Debug) -> Result<(), CommandError> {
    let target = arguments.target.as_str();
    let pod = target.strip_prefix("pod/").filter(|name| is_name(name));
    let pod = pod.ok_or_else(|| {
        CommandError::usage(format!("`{target}` is not `pod/NAME`"))
            .hint("`--print` is for pods; `kubectl get pods` lists them")
    })?;
    for name in arguments.container.iter().chain(&arguments.namespace) {
        if !is_name(name) {
            let message = format!("`{name}` is not a name of Kubernetes'");
            return Err(CommandError::usage(message));
        }
    }
    let image = arguments.image.as_deref().unwrap_or_default();
    if image.is_empty() || !image.bytes().all(is_in_reference) {
        let message = format!("`{image}` is not the reference of an image");
        return Err(CommandError::usage(message));
    }
    print_script(arguments, pod, image)
}

fn print_script(arguments: &cli::Debug, pod: &str, image: &str) -> Result<(), CommandError> {
    let patch = Patch {
        spec: Spec {
            ephemeral_containers: [EphemeralContainer {
                name: NAME,
                image,
                target_container_name: arguments.container.as_deref(),
                command: ["/busybox/sh"],
                stdin: true,
                tty: true,
                security_context: SecurityContext {
                    run_as_non_root: arguments.uid != 0,
                    run_as_user: arguments.uid,
                    allow_privilege_escalation: false,
                    capabilities: Capabilities { drop: ["ALL"] },
                    seccomp_profile: SeccompProfile {
                        r#type: "RuntimeDefault",
                    },
                },
            }],
        },
    };
    let patch = serde_json::to_string(&patch).map_err(CommandError::failure)?;
    let namespace = match &arguments.namespace {
        Some(name) => format!(" --namespace {name}"),
        None => String::new(),
    };
    print(format_args!(
        "kubectl patch pod {pod}{namespace} --subresource ephemeralcontainers --type strategic --patch \
         '{patch}'\n\
         kubectl attach {pod}{namespace} --container {NAME} --stdin --tty\n\
         # the target's files are at /proc/1/root"
    ))
}

/// Names of objects (Kubernetes, "Object Names and IDs", DNS subdomain names).
fn is_name(name: &str) -> bool {
    let is_in =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= 253
        && bytes.iter().copied().all(is_in)
        && ends(bytes.first())
        && ends(bytes.last())
}

fn is_in_reference(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._/:@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kubernetes() {
        for name in ["web", "web-0", "a.b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-web", "Web", "a'b", "web-"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
