//! A registry in this process (OCI distribution specification 1.1), which can be told to fail. It
//! takes a manifest only when all is there that it refers to, and remembers what it was asked.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this is a test, and not each uses all"
)]

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use distil_store::Digest;
use serde_json::{Value, json};

/// The steps of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    HeadBlob,
    GetBlob,
    Mount,
    Begin,
    Chunk,
    Status,
    Finish,
    Manifest,
    HeadTag,
    Tag,
    Referrers,
    Other,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    Status(u16, Vec<(&'static str, String)>),
    /// The connection ends before the answer, and after so many bytes of the body were taken.
    Reset(usize),
    /// A page, with a status of success.
    Page,
    /// The step is done, and something else is said of its digest.
    OtherDigest,
    /// The step is done, and the answer is lost.
    Unanswered,
}

pub fn status(status: u16) -> Fault {
    Fault::Status(status, Vec::new())
}

/// How a registry is, without being broken.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// It takes blobs from its other repositories.
    pub mounts: bool,
    /// `OCI-Chunk-Min-Length`.
    pub chunk: Option<u64>,
    /// It answers 201 to a chunk.
    pub created: bool,
    /// It takes only so many bytes of a chunk.
    pub partial: Option<usize>,
    /// Addresses of uploads are absolute.
    pub absolute: bool,
    /// It keeps lists of referrers.
    pub referrers: bool,
    /// The largest body that it takes.
    pub limit: Option<usize>,
    /// The password, as it is sent.
    pub password: Option<&'static str>,
    /// It wants tokens, each of which lets in this number of requests.
    pub token_lasts: Option<usize>,
    /// The server of blobs that uploads go to.
    pub storage: Option<String>,
}

#[derive(Default)]
pub struct State {
    pub blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By repository and digest: media type and bytes.
    pub manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    /// By repository and tag.
    pub tags: BTreeMap<(String, String), String>,
    uploads: BTreeMap<String, Vec<u8>>,
    begun: usize,
    faults: Vec<(Step, usize, Fault)>,
    pub log: Vec<(Step, String)>,
    /// How many tokens there were.
    pub tokens: usize,
    /// How many requests each lets in, by what is sent.
    tokens_left: BTreeMap<String, usize>,
    /// The requests that expired ones were sent with.
    expired: BTreeMap<(String, String), Vec<String>>,
    /// Bytes of blobs that came.
    pub received: u64,
    /// Headers of the requests.
    pub headers: Vec<BTreeMap<String, String>>,
}

pub struct Registry {
    pub host: String,
    ways: Ways,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

struct Answer(u16, Vec<(&'static str, String)>, Vec<u8>);

fn answer(status: u16) -> Answer {
    Answer(status, Vec::new(), Vec::new())
}

impl Answer {
    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.1.push((name, value.to_string()));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.2 = body.into();
        self
    }
}

fn error(status: u16, code: &str) -> Answer {
    let body = json!({"errors": [{"code": code, "message": code.to_lowercase()}]});
    answer(status).body(body.to_string())
}

impl State {
    /// The answer to whoever asks for a token, or has none that lets in: each does that number of times. What was
    /// refused since its token had expired is let in with another one, whoever used that meanwhile.
    fn by_token(&mut self, request: &Request, lasts: usize, host: &str) -> Option<Answer> {
        if request.path == "/token" {
            self.tokens += 1;
            let token = format!("t{}", self.tokens);
            self.tokens_left.insert(format!("Bearer {token}"), lasts);
            return Some(answer(200).body(json!({ "token": token }).to_string()));
        }
        let sent = request.headers.get("authorization");
        let place = (request.method.clone(), request.path.clone());
        if let Some(sent) = sent
            && let Some(left) = self.tokens_left.get_mut(sent)
        {
            // Several may be at one place at once, such as the beginnings of uploads.
            let refused = self.expired.entry(place.clone()).or_default();
            if lasts > 0
                && let Some(at) = refused.iter().position(|one| one != sent)
            {
                refused.remove(at);
                return None;
            }
            if let Some(less) = left.checked_sub(1) {
                *left = less;
                return None;
            }
            refused.push(sent.clone());
        } else {
            self.expired.entry(place).or_default().push(String::new());
        }
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        Some(error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
    }
}

impl Registry {
    pub fn start(ways: Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state: Arc<Mutex<State>> = Arc::default();
        let registry = Self {
            host: host.clone(),
            ways: ways.clone(),
            state: Arc::clone(&state),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let handler = Registry {
                    host: host.clone(),
                    ways: ways.clone(),
                    state: Arc::clone(&state),
                };
                std::thread::spawn(move || handler.serve(&stream));
            }
        });
        registry
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next so many requests of a step fail.
    pub fn fail(&self, step: Step, times: usize, fault: Fault) {
        self.state().faults.push((step, times, fault));
    }

    pub fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        let key = (repository.to_owned(), tag.to_owned());
        self.state().tags.get(&key).cloned()
    }

    pub fn count(&self, step: Step) -> usize {
        self.state()
            .log
            .iter()
            .filter(|(one, _)| *one == step)
            .count()
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        // Whoever speaks TLS gets nothing.
        let Some(request) = read(&mut reader) else {
            return;
        };
        let step = step(&request);
        let length = request.headers.get("content-length");
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        let fault = {
            let mut state = self.state();
            state
                .log
                .push((step, format!("{} {}", request.method, request.path)));
            state.headers.push(request.headers.clone());
            // What is to break in the middle of a layer is not for the small blob beside it.
            let fits = |fault: &Fault| !matches!(fault, Fault::Reset(taken) if *taken >= 1 << 20 && length <= *taken);
            let found = state
                .faults
                .iter_mut()
                .find(|(one, times, fault)| *one == step && *times > 0 && fits(fault));
            found.map(|(_, times, fault)| {
                *times -= 1;
                fault.clone()
            })
        };
        let mut body = Vec::new();
        let taken = match fault {
            Some(Fault::Reset(taken)) => taken.min(length),
            _ => length,
        };
        if (&mut reader)
            .take(taken as u64)
            .read_to_end(&mut body)
            .is_err()
        {
            return;
        }
        if body.len() < length && step != Step::Mount {
            // What came is kept, as registries do.
            let id = request
                .path
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            if let Some(upload) = self.state().uploads.get_mut(&id) {
                upload.extend_from_slice(&body);
            }
            return;
        }
        let is_head = request.method == "HEAD";
        let answer = match fault {
            Some(Fault::Reset(_)) => return,
            Some(Fault::Status(code, headers)) => {
                let mut answer = error(code, "FAULT");
                answer.1.extend(headers);
                answer
            }
            Some(Fault::Page) => answer(200)
                .with("content-type", "text/html")
                .body("<html>welcome</html>"),
            Some(Fault::OtherDigest) => {
                let mut answer = self.answer(&request, step, body);
                answer
                    .1
                    .retain(|(name, _)| *name != "docker-content-digest");
                answer.with("docker-content-digest", Digest::of("other"))
            }
            Some(Fault::Unanswered) => {
                self.answer(&request, step, body);
                return;
            }
            None => self.answer(&request, step, body),
        };
        write(stream, &answer, is_head);
    }

    fn answer(&self, request: &Request, step: Step, body: Vec<u8>) -> Answer {
        if let Some(password) = self.ways.password
            && request.headers.get("authorization").map(String::as_str) != Some(password)
        {
            return error(401, "UNAUTHORIZED").with("www-authenticate", "Basic realm=\"x\"");
        }
        if let Some(lasts) = self.ways.token_lasts
            && let Some(answer) = self.state().by_token(request, lasts, &self.host)
        {
            return answer;
        }
        if self.ways.limit.is_some_and(|limit| body.len() > limit) {
            return answer(413).body("<html>too large</html>");
        }
        let mut state = self.state();
        let path = request.path.trim_start_matches("/v2/");
        let (repository, rest) = match path.find("/blobs/").or(path.find("/manifests/")) {
            Some(at) => (path[..at].to_owned(), &path[at + 1..]),
            None => match path.split_once("/referrers/") {
                Some((repository, _)) => (repository.to_owned(), ""),
                None => return answer(200),
            },
        };
        let name = rest.rsplit('/').next().unwrap_or_default().to_owned();
        let key = (repository.clone(), name.clone());
        let digest = |state: &State| match name.starts_with("sha256:") {
            true => Some(name.clone()),
            false => state.tags.get(&key).cloned(),
        };
        match step {
            Step::HeadBlob | Step::GetBlob => match state.blobs.get(&key) {
                Some(bytes) => answer(200)
                    .with("docker-content-digest", &name)
                    .body(bytes.clone()),
                None => error(404, "BLOB_UNKNOWN"),
            },
            Step::Mount | Step::Begin => {
                if step == Step::Mount && self.ways.mounts {
                    let from = (
                        request.query["from"].clone(),
                        request.query["mount"].clone(),
                    );
                    if let Some(bytes) = state.blobs.get(&from).cloned() {
                        state.blobs.insert((repository, from.1.clone()), bytes);
                        return answer(201).with("docker-content-digest", &from.1);
                    }
                }
                state.begun += 1;
                let id = format!("upload{}", state.begun);
                state.uploads.insert(id.clone(), Vec::new());
                let answer = self.at(answer(202), &repository, &id, 0);
                match self.ways.chunk {
                    Some(least) => answer.with("oci-chunk-min-length", least),
                    None => answer,
                }
            }
            Step::Chunk => {
                let partial = self.ways.partial;
                let Some(upload) = state.uploads.get_mut(&name) else {
                    return error(404, "BLOB_UPLOAD_UNKNOWN");
                };
                let range = &request.headers["content-range"];
                if range.split('-').next() != Some(upload.len().to_string().as_str()) {
                    return error(416, "RANGE_INVALID");
                }
                let taken = partial.map_or(body.len(), |partial| partial.min(body.len()));
                upload.extend_from_slice(&body[..taken]);
                let length = upload.len();
                state.received += taken as u64;
                let status = if self.ways.created { 201 } else { 202 };
                self.at(answer(status), &repository, &name, length)
            }
            Step::Status => match state.uploads.get(&name) {
                Some(upload) => self.at(answer(204), &repository, &name, upload.len()),
                None => error(404, "BLOB_UPLOAD_UNKNOWN"),
            },
            Step::Finish => {
                let Some(mut upload) = state.uploads.remove(&name) else {
                    return error(404, "BLOB_UPLOAD_UNKNOWN");
                };
                state.received += body.len() as u64;
                upload.extend_from_slice(&body);
                let wanted = request.query["digest"].clone();
                if Digest::of(&upload).to_string() != wanted {
                    return error(400, "DIGEST_INVALID");
                }
                state.blobs.insert((repository, wanted.clone()), upload);
                answer(201).with("docker-content-digest", wanted)
            }
            Step::Manifest | Step::Tag if request.method == "PUT" => {
                let media_type = request.headers["content-type"].clone();
                put(
                    &mut state,
                    self.ways.referrers,
                    &repository,
                    &name,
                    media_type,
                    body,
                )
            }
            Step::Manifest | Step::Tag | Step::HeadTag => {
                let found = digest(&state).and_then(|digest| {
                    let found = state.manifests.get(&(repository.clone(), digest.clone()))?;
                    Some((digest, found.clone()))
                });
                match found {
                    Some((digest, (media_type, bytes))) => answer(200)
                        .with("docker-content-digest", digest)
                        .with("content-type", media_type)
                        .body(bytes),
                    None => error(404, "MANIFEST_UNKNOWN"),
                }
            }
            Step::Referrers if self.ways.referrers => {
                let subject = request.path.rsplit('/').next().unwrap();
                let list = state
                    .manifests
                    .iter()
                    .filter(|((of, _), _)| *of == repository);
                let list = list.filter_map(|((_, digest), (media_type, bytes))| {
                    let manifest: Value = serde_json::from_slice(bytes).ok()?;
                    (manifest["subject"]["digest"] == subject).then(
                        || json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}),
                    )
                });
                let list: Vec<Value> = list.collect();
                let index = json!({"schemaVersion": 2, "manifests": list,
                    "mediaType": "application/vnd.oci.image.index.v1+json"});
                answer(200).body(index.to_string())
            }
            Step::Referrers | Step::Other => answer(404),
        }
    }

    fn at(&self, answer: Answer, repository: &str, id: &str, length: usize) -> Answer {
        let path = format!("/v2/{repository}/blobs/uploads/{id}?_state=a%2Fb");
        let host = self.ways.storage.as_ref().unwrap_or(&self.host);
        let location = match self.ways.absolute || self.ways.storage.is_some() {
            true => format!("http://{host}{path}"),
            false => path,
        };
        let last = length.saturating_sub(1);
        answer
            .with("location", location)
            .with("range", format!("0-{last}"))
    }
}

/// Takes a manifest if all is there that it refers to.
fn put(
    state: &mut State,
    has_referrers: bool,
    repository: &str,
    name: &str,
    media_type: String,
    body: Vec<u8>,
) -> Answer {
    let manifest: Value = serde_json::from_slice(&body).unwrap();
    let own = |digest: &Value| (repository.to_owned(), digest.as_str().unwrap().to_owned());
    let list = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
    let is_blob = |one: &Value| state.blobs.contains_key(&own(&one["digest"]));
    let is_manifest = |one: &Value| state.manifests.contains_key(&own(&one["digest"]));
    let mut blobs = list("layers");
    blobs.extend(manifest.get("config").cloned());
    let is_list = name.starts_with("sha256-");
    if !blobs.iter().all(is_blob) || !(is_list || list("manifests").iter().all(is_manifest)) {
        return error(400, "MANIFEST_BLOB_UNKNOWN");
    }
    let digest = Digest::of(&body).to_string();
    if name.starts_with("sha256:") && name != digest {
        return error(400, "DIGEST_INVALID");
    }
    let key = (repository.to_owned(), digest.clone());
    state.manifests.insert(key, (media_type, body));
    if !name.starts_with("sha256:") {
        let key = (repository.to_owned(), name.to_owned());
        state.tags.insert(key, digest.clone());
    }
    let answer = answer(201).with("docker-content-digest", digest);
    match manifest["subject"]["digest"].as_str() {
        Some(subject) if has_referrers => answer.with("oci-subject", subject),
        _ => answer,
    }
}

fn step(request: &Request) -> Step {
    let name = request.path.rsplit('/').next().unwrap_or_default();
    let is_upload = request.path.contains("/blobs/uploads/");
    match request.method.as_str() {
        "HEAD" if request.path.contains("/blobs/") => Step::HeadBlob,
        "GET" if is_upload => Step::Status,
        "GET" if request.path.contains("/blobs/") => Step::GetBlob,
        "POST" if request.query.contains_key("mount") => Step::Mount,
        "POST" => Step::Begin,
        "PATCH" => Step::Chunk,
        "PUT" if is_upload => Step::Finish,
        "HEAD" if request.path.contains("/manifests/") => Step::HeadTag,
        "PUT" | "GET" if name.starts_with("sha256:") && request.path.contains("/manifests/") => {
            Step::Manifest
        }
        "PUT" | "GET" if request.path.contains("/manifests/") => Step::Tag,
        "GET" if request.path.contains("/referrers/") => Step::Referrers,
        _ => Step::Other,
    }
}

fn read(reader: &mut impl std::io::BufRead) -> Option<Request> {
    let mut line = String::new();
    let mut next = || {
        line.clear();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let first = next()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let line = next()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let decode = |text: &str| text.replace("%3A", ":").replace("%2F", "/");
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Request {
        method,
        path: path.to_owned(),
        query: query
            .map(|(name, value)| (name.to_owned(), decode(value)))
            .collect(),
        headers,
    })
}

fn write(mut stream: &TcpStream, Answer(status, headers, body): &Answer, is_head: bool) {
    let mut text = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    if *status != 204 {
        text += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += "\r\n";
    let body: &[u8] = if is_head || *status == 204 { &[] } else { body };
    let _ = stream.write_all(&[text.as_bytes(), body].concat());
}
