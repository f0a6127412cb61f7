//! Images that the tests look at, each built once a run and loaded once an engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use crate::archive::Image;
use crate::context::RUN_FOLDER;
use crate::{Archive, Context, Engine, Rootfs};

/// What is to be built: an image of the catalogue or a definition, for one suite and architecture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    name: String,
    suite: &'static str,
    arch: &'static str,
    definition: Option<String>,
}

impl Request {
    /// An image of the catalogue, `NAME` or `NAME:VARIANT`.
    pub fn catalogue(name: &str, suite: &'static str, arch: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            suite,
            arch,
            definition: None,
        }
    }

    /// A definition of the test's own; `name` is the file's, without `.yaml`.
    pub fn definition(name: &str, yaml: &str, suite: &'static str, arch: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            suite,
            arch,
            definition: Some(yaml.to_owned()),
        }
    }

    /// `linux/ARCH`, as engines and `--platform` spell it.
    pub fn platform(&self) -> String {
        format!("linux/{}", self.arch)
    }

    /// The release of Debian.
    pub fn suite(&self) -> &'static str {
        self.suite
    }

    /// Builds it, or returns what an earlier call of this run built.
    #[track_caller]
    pub fn build(&self) -> Arc<Built> {
        type Slot = Arc<OnceLock<Arc<Built>>>;
        static BUILT: LazyLock<Mutex<BTreeMap<Request, Slot>>> = LazyLock::new(Mutex::default);
        // The map is locked for a moment only: different images are built side by side.
        let slot = {
            let mut built = BUILT
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            Arc::clone(built.entry(self.clone()).or_default())
        };
        Arc::clone(slot.get_or_init(|| Arc::new(Built::make(self))))
    }
}

/// An image that was built: its archive, and the name that it carries.
#[derive(Debug)]
pub struct Built {
    request: Request,
    path: PathBuf,
    tag: String,
    loaded: [OnceLock<String>; 2],
    image: OnceLock<Arc<Image>>,
    rootfs: OnceLock<Arc<Rootfs>>,
}

impl Built {
    fn make(request: &Request) -> Self {
        let slug =
            format!("{}-{}-{}", request.name, request.suite, request.arch).replace([':', '/'], "-");
        let path = RUN_FOLDER.join(format!("{slug}.tar"));
        let tag = format!("distil-test/{slug}:live");
        let context = Context::new();
        let what = match &request.definition {
            Some(yaml) => {
                context.write(&format!("{}.yaml", request.name), yaml);
                format!("{}.yaml", request.name)
            }
            None => request.name.clone(),
        };
        let output = format!("oci-archive:{}", path.display());
        let platform = request.platform();
        let mut build = vec!["build", &what, "--suite", request.suite];
        build.extend(["--platform", &platform, "-t", &tag, "-o", &output]);
        if request.suite == "forky" {
            // Mirrors are at times slower than the few days that its Release is good for.
            build.push("--allow-expired");
        }
        context.distil(build).success();
        Self {
            request: request.clone(),
            path,
            tag,
            loaded: Default::default(),
            image: OnceLock::new(),
            rootfs: OnceLock::new(),
        }
    }

    /// The archive's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `oci-archive:PATH`, for a command that takes an image.
    pub fn reference(&self) -> String {
        format!("oci-archive:{}", self.path.display())
    }

    /// The name that the image was given by `-t`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// `linux/ARCH`.
    pub fn platform(&self) -> String {
        self.request.platform()
    }

    /// The archive, opened.
    pub fn archive(&self) -> Archive {
        Archive::open(&self.path)
    }

    /// The image in the archive, read once.
    #[track_caller]
    pub fn image(&self) -> Arc<Image> {
        Arc::clone(self.image.get_or_init(|| Arc::new(self.read())))
    }

    fn read(&self) -> Image {
        // `arm/v7` is the variant of an architecture.
        let (architecture, _) = self
            .request
            .arch
            .split_once('/')
            .unwrap_or((self.request.arch, ""));
        self.archive().image(architecture)
    }

    /// The files of the image, read now and not kept: for large ones that one test looks at.
    #[track_caller]
    pub fn read_rootfs(&self) -> Rootfs {
        self.read().rootfs()
    }

    /// The files of the image, read once.
    #[track_caller]
    pub fn rootfs(&self) -> Arc<Rootfs> {
        let read = || Arc::new(self.image().rootfs());
        Arc::clone(self.rootfs.get_or_init(read))
    }

    /// The name under which the engine knows the image, after loading it if need be.
    #[track_caller]
    pub fn in_engine(&self, engine: Engine) -> &str {
        self.loaded[engine as usize].get_or_init(|| engine.load(&self.path))
    }
}
