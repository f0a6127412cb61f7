//! The rules: what each is called, how bad its findings are, and what there is to say of it.

use distil_store::nearest;

use crate::severity::Severity;

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// A short name that stays: `F` for fitness, `S` for surface, `P` for the policy itself.
    pub id: &'static str,
    /// A name that stays and says what it is about.
    pub name: &'static str,
    /// How bad its findings usually are.
    pub severity: Severity,
    /// What it finds, in a line.
    pub summary: &'static str,
    /// Why that matters, and how it shows.
    pub reason: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// There is no such rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule `{name}`")]
pub struct UnknownRule {
    /// What was asked for.
    pub name: String,
    /// Names that are like it.
    pub nearest: Vec<String>,
}

impl Rule {
    /// The rule with this name or id.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<&'static Self, UnknownRule> {
        let found = RULES
            .iter()
            .find(|rule| rule.name == name || rule.id.eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| {
            let names = RULES.iter().map(|rule| rule.name);
            UnknownRule {
                name: name.chars().take(80).collect(),
                nearest: nearest(name, names, 2),
            }
        })
    }
}

macro_rules! rules {
    ($($constant:ident $id:literal $name:literal $severity:ident
       $summary:literal $reason:literal $remedy:literal)*) => {
        $(pub(crate) static $constant: Rule = Rule {
            id: $id,
            name: $name,
            severity: Severity::$severity,
            summary: $summary,
            reason: $reason,
            remedy: $remedy,
        };)*
        /// All rules, in the order of the manual.
        pub static RULES: &[&Rule] = &[$(&$constant),*];
    };
}

rules! {
PROGRAM_MISSING "F101" "program-missing" Error
    "The program of the image is not in it."
    "The first word of ENTRYPOINT, or of CMD where there is no ENTRYPOINT, is not a file of the image: a path that does not exist, or a name that is in no directory of `PATH`. The container does not start."
    "Name the program by its full path, copy it into the image, or set `PATH`."
PROGRAM_UNUSABLE "F102" "program-not-executable" Error
    "The program of the image cannot be executed."
    "It is a directory, has no execute permission, or is neither a Linux program nor a script with a `#!` line. The container does not start."
    "`COPY --chmod=0755`, or name the file that is the program."
SHELL_FORM "F103" "shell-form" Error
    "ENTRYPOINT or CMD is in shell form, and there is no shell."
    "`CMD python app.py` becomes `/bin/sh -c \"python app.py\"`; without `/bin/sh` the container does not start, and behind an ENTRYPOINT the words `/bin/sh -c …` become the runtime's arguments."
    "Write it in exec form: `CMD [\"python\", \"app.py\"]`. Variables and `&&` need a program of your own."
REPEATED_PROGRAM "F104" "repeated-program" Error
    "CMD begins with the program that ENTRYPOINT already is."
    "Images of runtimes have the runtime as ENTRYPOINT, so that CMD has only its arguments. `CMD [\"node\", \"app.js\"]` runs `node node app.js`, which looks for a file called `node`."
    "Leave the first word of CMD out."
ARGUMENT_MISSING "F105" "argument-missing" Error
    "The file, module or class that the runtime is told to run is not in the image."
    "A runtime is started with the path of a script or jar that no layer has, with a module (`python -m`) or class that is not where it looks, with something to load first (`node -r`, `-javaagent:`) that is not there, or with a command such as `gunicorn` or `npm start`, as if it were a shell. The container ends at once. It is a warning for a file below a VOLUME, where it may be mounted. `distil build` does not ask for it: an image may be the base of one that has the file."
    "Correct the path (it is looked for in WORKDIR), or copy the file."
HEALTHCHECK "F106" "healthcheck" Error
    "HEALTHCHECK runs a program or a shell that the image does not have."
    "`HEALTHCHECK CMD curl …` in shell form needs `/bin/sh` and curl. The container runs, and Docker calls it unhealthy for ever; an orchestrator restarts it again and again."
    "Use the runtime: `HEALTHCHECK CMD [\"/usr/bin/python3\", \"/health.py\"]`, a definition's `healthcheck: {http: …}`, which adds a program that asks, or probes of the orchestrator."
WORKDIR "F107" "workdir" Error
    "The container cannot be started in WORKDIR."
    "WORKDIR is a file, or below a directory that the user may not enter. The runtime cannot change into it, so the container does not start. Some runtimes enter the directory before they switch to the user, so one that is closed only to the user is a warning."
    "Create the directory in the image, with an owner or a mode that lets the user enter it."
SIGNALS "F108" "signals" Info
    "A shell is process 1 and passes no signals on."
    "With a shell as the first process, `docker stop` reaches the shell and not the program, which is killed after ten seconds without a chance to end well."
    "Use the exec form, or begin the script's last line with `exec`."
UNEXPANDED_VARIABLE "F109" "unexpanded-variable" Warning
    "A variable is written into ENTRYPOINT or CMD in exec form, in which nothing replaces it."
    "Only a shell replaces `$PORT` by its value. In exec form the program gets the word as it is written. It is a warning, since some programs replace variables themselves."
    "Write the value, or have the program read the variable."
WRONG_RUNTIME "F110" "wrong-runtime" Error
    "The file that a runtime is told to run is not for it."
    "It is a program of its own, a script for a shell or for another runtime, or a jar without a main class. `node node_modules/.bin/…` is a script for a shell where pnpm installed it."
    "Name the file that the script starts, or start the program without the runtime."
SCRIPT "F201" "script-interpreter" Error
    "The program that a script's `#!` line names is not in the image."
    "The kernel starts the interpreter instead of the script. If the interpreter is missing, the error names the script, which exists: `no such file or directory`. An error for the program of the image, a warning for programs in `PATH`, information elsewhere, where a script may be meant to be read."
    "Start the script with the image's own program for its language, as the finding says, correct its first line, or remove it."
LOADER "F202" "loader-missing" Error
    "A program's dynamic loader is not in the image."
    "A dynamically linked program names its loader, such as `/lib64/ld-linux-x86-64.so.2`, or `/lib/ld-musl-x86_64.so.1` if it was built on Alpine. Without it the kernel says `no such file or directory` of the program, which is there."
    "Take an image with a C library (`base`, `cc`), build the program statically (`CGO_ENABLED=0`), or build it on Debian if its loader is musl's."
MACHINE "F203" "wrong-machine" Error
    "A program or library is for another machine than the image."
    "The kernel refuses such a program with `exec format error`, and the loader skips such a library."
    "Build or download the file for the image's platform."
LIBRARY "F204" "library-missing" Error
    "A program or library needs a library that the loader will not find."
    "Looked for as ld.so(8) does: RPATH of the file and of what loads it, `LD_LIBRARY_PATH`, RUNPATH with `$ORIGIN`, `/etc/ld.so.cache`, the loader's own directories. It is a warning in a Debian package's own file that the image's program does not load by itself, since the dependency was left out on purpose, and in a plug-in that nothing is linked with; and information if the image has such a file where the loader does not look, since a program may load it first. A library that is only in a directory for some machines is a warning, since others do not find it: one of `glibc-hwcaps`, or with a glibc before 2.37 one such as `haswell` or `atomics`. Directories that every machine of the architecture searches, such as `x86_64` and `tls` of these, are searched for all."
    "Add the package that has the library, or copy the library beside the file that needs it."
VERSION "F205" "symbol-version" Error
    "A library is older than what needs it."
    "Programs and libraries name the versions of symbols that they were linked with. The loader refuses to start a program if a library does not have one of them: typically something that was built on a newer release of Debian or Ubuntu."
    "Build on the release that the image is made of, or take an image of a newer one."
DLOPEN "F206" "dlopen-missing" Warning
    "A library that is loaded at run time by its name is not in the image."
    "Such libraries are in no list that the loader reads; a feature is missing when it is first used. Known from `.note.dlopen` (a warning if the file says that it is required, information if it is recommended), from the calls of ctypes and cffi in Python packages (a warning, since some do without), and of .NET, which does not start without ICU (an error) unless it is set to invariant globalization."
    "Add the library's package if the feature is wanted."
DAMAGED_ELF "F207" "damaged-elf" Error
    "A program or library has invalid ELF headers."
    "It starts like an ELF file, but its headers contradict its size or one another. The kernel or the loader rejects it."
    "Build or copy the file again; transfers in text mode damage files, and Git LFS pointers are not the file."
EXECUTABLE_STACK "F208" "executable-stack" Error
    "A library asks for an executable stack, which the image's glibc does not allow."
    "Since 2.41 glibc refuses to load such a library at run time (`PT_GNU_STACK` with `PF_X`, or on x86 without the header), as Python's extension modules and Node.js's add-ons are. Most ask for it by mistake: a part in assembly says nothing of the stack. In a Debian package's own file it is a warning."
    "`patchelf --clear-execstack FILE` in the build stage, or link with `-z noexecstack`."
PYTHON_ABI "F301" "python-abi" Error
    "An extension module is for another Python than the image's."
    "`x.cpython-311-….so` is found by Python 3.11 alone, and a `site-packages` in `lib/python3.11` is searched by no other. The import fails. Modules with `abi3` in their names are for all later ones."
    "Install the packages with the Python version of the image (`pip install --python-version`), or take an image with the Python of the build stage."
WHEEL "F302" "wheel-tag" Error
    "An installed wheel is for another Python, C library or machine."
    "`WHEEL` in a package's `.dist-info` says what it was built for. `manylinux_2_N` needs glibc 2.N, `musllinux_1_N` needs musl 1.N, `cp312` needs Python 3.12. `Requires-Python` in `METADATA` is a warning: it is asked for when the package is installed, and what is missing shows when it is imported."
    "Install for the image: `pip install --platform manylinux_2_N_ARCH --only-binary=:all:`, or on the same release of Debian."
VENV "F303" "venv" Error
    "A virtual environment points to a Python that is not there."
    "A venv is a few links and a `pyvenv.cfg` that lead to the Python that made it, often `/usr/local/bin/python` of a build stage. Where that is not in the image, or is of another version, nothing in the venv starts or is found."
    "Make the venv with the path and version of the image's Python, or install with `pip install --target` and set `PYTHONPATH`."
PYTHONPATH "F304" "pythonpath" Warning
    "A directory in PYTHONPATH is not in the image."
    "Python skips it silently, and the modules expected there are missing: `ModuleNotFoundError`."
    "Correct the path, or copy the directory."
EDITABLE "F305" "editable-install" Error
    "An installed Python package is in a directory that is not in the image."
    "`pip install -e` and `uv sync` install a link to the sources: a `.pth` file, and a `direct_url.json` that says so. Python passes over a directory that is not there, and the import fails. It is a warning if a `.pth` file does not say that it is such an installation."
    "Install without `-e`, or copy the sources to the same path."
NODE "F401" "node-addon" Error
    "A native add-on of Node.js is for another Node.js."
    "An add-on that does not use Node-API is tied to one `NODE_MODULE_VERSION`, which every major release changes. One that uses it may ask for a later version of Node-API than the image's Node.js has. Up to Node.js 20 the latter is a crash (SIGSEGV). Builds for several versions or platforms that lie side by side are one add-on, which fits if one of them does."
    "Run `npm rebuild` with the Node.js of the image, or take an image of the build stage's version."
NODE_ENGINE "F402" "node-engine" Warning
    "The application requires another Node.js than the image's."
    "`engines` in its `package.json` excludes every version of the image's major one. npm only warns when it installs; what is missing shows when it is used."
    "Use an image with a Node.js that it accepts, or correct `engines`."
NODE_LINK "F403" "broken-module-link" Warning
    "A link in `node_modules` leads to what is not in the image."
    "Workspaces, and all packages of pnpm, are links to directories elsewhere, which have to be copied, too. It is an error if a `package.json` of the application names the package among its dependencies."
    "Copy what the link leads to, or install without links: `npm install --install-links`, `pnpm deploy`."
JAVA_CLASS "F501" "java-class-version" Error
    "A class was compiled for a newer Java than the image's."
    "The virtual machine refuses class files of a later version. It is a warning where neither the main class nor most of a jar are concerned. Directories of multi-release jars for later versions are skipped, as Java does."
    "Compile with `--release N`, or take an image with the newer Java."
JAR "F502" "damaged-jar" Warning
    "A jar or wheel cannot be read."
    "The file is called `.jar`, `.war`, `.ear` or `.whl` and is not a zip archive, or a damaged one. Java says `Invalid or corrupt jarfile` or finds none of its classes."
    "Build or copy the file again."
EXPIRED "F601" "certificate-expired" Warning
    "A trusted certificate has expired, or will within 30 days."
    "Connections that depend on it fail; those with other authorities work. A few expired ones in a whole bundle are not told: distributions remove them late, and nobody misses them."
    "Build the image again with the present `ca-certificates`, or renew your own authority's certificate."
CERTIFICATE_PATH "F602" "certificate-path" Error
    "A variable for certificates names a file or directory that is not in the image."
    "`SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS` replace or extend the defaults; if the path does not exist, the verification of every TLS connection fails."
    "Correct the path, or remove the variable."
KEY_STORE "F603" "key-store" Warning
    "The bundle of certificates and Java's key store do not agree."
    "An authority was added to one and not to the other, so Java trusts other servers than the rest of the image. It is information if each has what the other lacks: the key store came with a Java runtime, whose makers choose authorities themselves."
    "Have Java use the image's own key store: `ENV JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=/etc/ssl/certs/java/cacerts`; `certificates: {extra: […]}` of a distil definition adds an authority to both."
TIME_ZONE "F604" "time-zone" Warning
    "TZ names a time zone whose file is not in the image."
    "The C library uses UTC without a word, so that times are wrong by hours."
    "Add the package tzdata (in newer releases old names are in tzdata-legacy), or correct the name."
LOCALE "F605" "locale" Warning
    "The environment asks for a locale that is not in the image."
    "setlocale(3) fails: Python's `locale.setlocale` raises `unsupported locale setting`, Perl and others warn, and text may count as ASCII."
    "Use `C.UTF-8`, or copy the locale's directory below `/usr/lib/locale`."
CERTIFICATE_UNUSED "F606" "certificate-unused" Warning
    "A certificate lies where only update-ca-certificates looks, and is not in the bundle."
    "Certificates under `/usr/local/share/ca-certificates` are copied into the bundle by a program that the image does not have and that was not run. Nothing reads them there, so servers of that authority are not trusted."
    "`certificates: {extra: […]}` of a distil definition; or run update-ca-certificates in the build stage and copy `/etc/ssl/certs/ca-certificates.crt`."
CERTIFICATE_STRICT "F607" "certificate-strict" Warning
    "Programs that check certificates strictly refuse an authority of one's own."
    "Python since 3.13 and others hold to RFC 5280: an authority's certificate has critical basic constraints, a key usage and a subject key identifier. Others do without, so that some programs of an image trust its servers and some do not."
    "Have the certificate issued anew: `basicConstraints=critical,CA:TRUE`, `keyUsage=critical,keyCertSign,cRLSign`, `subjectKeyIdentifier=hash`."
VARIABLE_FILE "F608" "variable-file" Warning
    "A variable names a file that its runtime would load, and that is not in the image."
    "`JAVA_TOOL_OPTIONS`, `JDK_JAVA_OPTIONS`, `NODE_OPTIONS`, `PYTHONHOME` and `DOTNET_STARTUP_HOOKS` have the runtime load something before the program, and without that it ends at once (an error). Others, such as `PYTHONSTARTUP`, `NODE_PATH`, `CLASSPATH`, `PERL5LIB` and `RUBYLIB`, name what is passed over in silence."
    "Copy the file, or unset the variable."
USER_UNKNOWN "F701" "user-unknown" Error
    "USER names an account that the image does not have."
    "A name is looked up in the image's own `/etc/passwd`, a group's in `/etc/group`. Without an entry the container does not start."
    "Use a number, or add the account."
TRAVERSAL "F702" "not-reachable" Error
    "The user of the image cannot reach or execute its program."
    "Every directory on the path to a program needs the `x` bit for the user, and so does the program itself; files that the kernel and the loader read need the `r` bit. Directories below `/root` and homes of mode 0700 are the usual reason."
    "Put the program under `/app` or `/usr`, or `COPY --chown` it."
RANDOM_USER "F703" "random-user" Info
    "A random user, as on OpenShift, cannot reach the program, or cannot write where it has to."
    "OpenShift runs containers as a number that no image knows, in group 0. What is readable for one account only is closed to it."
    "`chgrp -R 0` and `chmod -R g=rX` what has to be read, `g=rwX` what has to be written."
NOT_WRITABLE "F704" "not-writable" Warning
    "A directory that is declared writable is not writable for the user."
    "Volumes, `HOME` and `TMPDIR` are where programs write. A new volume gets the owner and mode of the directory in the image."
    "Create the directory in the image with the user as its owner."
TEMPORARY "F705" "temporary-directory" Warning
    "`/tmp` is missing, or not every user may write to it."
    "Libraries expect a `/tmp` with mode 1777. Python says `No usable temporary directory found`, Java fails to write its performance data and temporary files."
    "Make `/tmp` with mode 1777, or set `TMPDIR`."
AMBIGUOUS_LAYER "F801" "ambiguous-layer" Error
    "Engines do not agree on what a layer does."
    "A layer that was written by hand, or by a tool that leaves out the members of directories, can mean one file system to Docker on overlay, another one to an engine that unpacks all layers into one directory, and an error to a third. What was checked is what engines on overlay see; another engine may run something else. If only the owner and mode of a directory are in doubt, this is a warning."
    "Write a member for each directory before the files in it, once, and no whiteout for what the same layer has; or build the layer anew with the engine or with distil."
MERGED_USR "F802" "merged-usr" Warning
    "A layer has a directory in the place of a link such as `/lib -> usr/lib`."
    "`COPY dir/ /` with a `lib/` or a `bin/` in it replaces the link of a merged /usr by a directory, which hides everything that was reachable through it. Programs whose loader or libraries are named by the old path no longer start: `exec /app: no such file or directory`."
    "Copy to `/usr/lib`, `/usr/bin` and so on, where the links lead."
NOT_EXAMINED "F901" "not-examined" Error
    "Something is too large to be looked at as a whole."
    "Limits keep a hostile image from costing hours or all memory. What lies beyond them was not checked, so the result is not a pass."
    "Remove the file if it is not needed, or allow the finding once you know what it is."
SHELL "S101" "shell" Error
    "The image has a shell."
    "An attacker who can run a command in the container has a complete toolbox. Found by name, by content under any other name, and as an applet of busybox or toybox."
    "Leave it to the debug variant, or to a build stage."
TOOLBOX "S102" "toolbox" Error
    "The image has busybox or toybox, without a shell among its applets."
    "One file is many tools: it can download, read and change files."
    "Leave it to the debug variant, or to a build stage."
PACKAGE_MANAGER "S103" "package-manager" Error
    "The image has a package manager."
    "It can change the image at run time and brings an attacker's tools."
    "Install in a build stage, and copy what is needed."
SETUID "S104" "setuid" Error
    "A file is setuid or setgid."
    "Whoever runs it gets the rights of its owner or group, root's most often."
    "`chmod u-s,g-s` in the build stage, or leave the file out."
CAPABILITY "S105" "file-capability" Error
    "A file carries capabilities."
    "Whoever runs it gets rights of root's. Under `no_new_privs`, as Kubernetes' restricted profile sets it, they are ignored; if they are also dropped from the bounding set, the program cannot be executed: `operation not permitted`."
    "`setcap -r` in the build stage; ports below 1024 need no capability in containers of current engines."
WORLD_WRITABLE "S106" "world-writable" Error
    "Every user may change a file, or a directory without the sticky bit."
    "Any process of the container can replace what others run or read."
    "`chmod o-w`, or mode 1777 for a directory that every user has to write to."
COMPILER "S107" "compiler" Error
    "The image has a compiler, an assembler or a linker."
    "It lets an attacker build what was not there, and is of no use at run time."
    "Build in a build stage."
INTERPRETER "S108" "interpreter" Error
    "The image has an interpreter that is not its runtime."
    "What runs any script is as good as a shell. The interpreter that ENTRYPOINT or CMD leads to is the runtime, behind wrappers such as tini, too, and so is that of a virtual environment of its. Where what they name is missing, any may be it, and this is information."
    "Leave out the package that brings it, or make it the ENTRYPOINT if it is the runtime."
DEBUGGER "S109" "debugger" Error
    "The image has a debugger or a tracer."
    "It reads and changes the memory of other processes."
    "Leave it to the debug variant, or attach one from outside."
DEVICE "S110" "device" Warning
    "A layer has a device, or a FIFO."
    "Engines without privileges cannot unpack devices, and a device node in a layer gives access to its device."
    "Remove it; engines make `/dev` themselves."
USER_ROOT "S201" "user-root" Info
    "The image runs as root."
    "A root process that escapes from the container is root on the host, unless user namespaces are used. Kubernetes' runAsNonRoot refuses it: `container has runAsNonRoot and image will run as root`."
    "`USER 65532`, or take the nonroot variant."
USER_NAME "S202" "user-name" Warning
    "The image's user is a name and not a number."
    "Kubernetes cannot tell whether a name is root's: `container has runAsNonRoot and image has non-numeric user`."
    "Write the number: `USER 65532`."
EXPIRED_ALLOWANCE "P101" "allowance-expired" Warning
    "An allowance has expired."
    "Its date has passed, so that it allows nothing any more."
    "Fix the finding, or reconsider the allowance and set a new date."
USELESS_ALLOWANCE "P102" "allowance-useless" Info
    "An allowance allows nothing."
    "No finding matches it, so it only hides what may come."
    "Remove it."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_ids_are_unique() {
        let names: BTreeSet<_> = RULES.iter().flat_map(|rule| [rule.name, rule.id]).collect();
        assert_eq!(names.len(), 2 * RULES.len());
    }

    #[test]
    fn rules_are_found_by_name_and_id() {
        assert_eq!(Rule::named("f204").unwrap().name, "library-missing");
        assert_eq!(Rule::named("shell").unwrap().id, "S101");
        let error = Rule::named("shel").unwrap_err();
        assert_eq!(error.nearest, ["shell", "shell-form"]);
    }
}
