//! A scorer made from the contract alone, a whole Session plugin: `score = 1 ÷ (1 + waiting requests)`.
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::time::{Instant, SystemTime};
use std::{collections::BTreeMap, env, error::Error, fs, io, process, sync::LazyLock, thread};

use tokio::{net::UnixListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{
    Request, Response, Status, Streaming, codegen::BoxStream, service::interceptor::InterceptedService,
    transport::Server,
};

mod v1 {
    tonic::include_proto!("outrider.scorer.v1");
}
use v1::scorer_service_server::{ScorerService, ScorerServiceServer};
use v1::{session_request::Frame as Ask, session_response::Frame as Answer, *};

/// `type:` of the configuration.
const TYPE: &str = "fewest-waiting";

/// A new value is a new start, which knows nothing of what was told before.
static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

/// Endpoints by slot, each with its id and its waiting requests, NaN where they are unknown; at one revision.
#[derive(Clone, Default)]
struct Table {
    epoch: u32,
    rev: u32,
    endpoints: BTreeMap<u32, (String, f32)>,
}

/// One connection of a host.
#[derive(Default)]
struct Session {
    table: Table,
    /// Chunks of a step whose last one is still to come.
    chunks: Vec<PushStateRequest>,
    /// Number of `waiting_requests` on this connection.
    column: u32,
    instances: Vec<u32>,
}

impl Session {
    /// Takes a frame; what it answers is sent in this order.
    fn take(&mut self, frame: Ask) -> Vec<Answer> {
        match frame {
            Ask::Hello(_) => vec![Answer::Hello(hello())],
            Ask::Configure(request) => self.configure(request),
            Ask::State(chunk) => self.state(chunk).into_iter().map(Answer::StateAck).collect(),
            Ask::Score(ScoreBatch { calls, .. }) => {
                let results = calls.iter().map(|call| self.score(call)).collect();
                vec![Answer::Scores(ScoreBatchResult { results })]
            }
            Ask::Ping(ping) => vec![Answer::Pong(ping)],
            // Every call was answered as it came.
            Ask::Drain(_) => vec![Answer::Drained(Drained::default())],
            // Nothing is learned, nothing runs for long, nothing counts requests.
            Ask::Feedback(_) | Ask::Cancel(_) | Ask::Inflight(_) => vec![],
        }
    }

    fn configure(&mut self, request: ConfigureRequest) -> Vec<Answer> {
        let fault = |instance: &Instance| {
            let message = match instance.config_json.as_slice() {
                _ if instance.r#type != TYPE => format!("no type {} here; there is {TYPE}", instance.r#type),
                b"" | b"{}" | b"null" => return None,
                _ => "takes no parameters".into(),
            };
            Some(ConfigError { instance: instance.id, message, ..Default::default() })
        };
        let errors: Vec<_> = request.instances.iter().filter_map(fault).collect();
        if !errors.is_empty() {
            return vec![Answer::Configured(ConfigureResponse { errors, ..Default::default() })];
        }
        self.instances = request.instances.iter().map(|i| i.id).collect();
        self.column = request.columns.iter().find(|c| c.key == "waiting_requests").map_or(0, |c| c.id);
        vec![
            Answer::Configured(ConfigureResponse::default()),
            Answer::Health(Health { ready: true, ..Default::default() }),
        ]
    }

    /// A step takes effect as a whole with its last chunk, and is acknowledged once.
    fn state(&mut self, chunk: PushStateRequest) -> Option<PushStateResponse> {
        let step = |c: &PushStateRequest| (c.epoch, c.from_rev, c.to_rev, c.full);
        self.chunks.retain(|before| step(before) == step(&chunk));
        let more = chunk.more;
        self.chunks.push(chunk);
        if more {
            return None;
        }
        let chunks = std::mem::take(&mut self.chunks);
        let nack = self.table.after(&chunks, self.column).map(|next| self.table = next).err();
        Some(PushStateResponse { epoch: self.table.epoch, rev: self.table.rev, nack })
    }

    fn score(&self, call: &ScoreRequest) -> ScoreResponse {
        let began = Instant::now();
        let table = &self.table;
        let answer = ScoreResponse { call_id: call.call_id, epoch: table.epoch, rev: table.rev, ..Default::default() };
        if call.epoch != table.epoch || call.rev > table.rev {
            return ScoreResponse { error: Some(table.misfit("that state is not here")), ..answer };
        }
        if !self.instances.contains(&call.instance) {
            return ScoreResponse { error: Some(error("invalid_argument", "no such instance")), ..answer };
        }
        let slots = table.named(&call.candidates);
        let waiting = slots.iter().map(|slot| table.endpoints.get(slot).map_or(f32::NAN, |(_, waiting)| *waiting));
        let mut scores: Vec<f32> = waiting.map(|waiting| 1.0 / (1.0 + waiting)).collect();
        let mut abstain = vec![0; scores.len().div_ceil(8)];
        for (i, score) in scores.iter_mut().enumerate().filter(|(_, score)| score.is_nan()) {
            abstain[i / 8] |= 1 << (i % 8);
            *score = 0.0;
        }
        ScoreResponse { scores, abstain, plugin_us: began.elapsed().as_micros().max(1) as u32, ..answer }
    }
}

impl Table {
    /// The table behind a step: removals, then endpoints, then values.
    fn after(&self, step: &[PushStateRequest], column: u32) -> Result<Table, CallError> {
        let first = &step[0];
        if !first.full && (first.epoch, first.from_rev) != (self.epoch, self.rev) {
            return Err(self.misfit("the step does not fit"));
        }
        let endpoints = if first.full { BTreeMap::new() } else { self.endpoints.clone() };
        let mut next = Table { epoch: first.epoch, rev: first.to_rev, endpoints };
        for slot in step.iter().flat_map(|chunk| &chunk.removed_slots) {
            next.endpoints.remove(slot);
        }
        for Endpoint { slot, id, .. } in step.iter().flat_map(|chunk| &chunk.upserts) {
            let same = next.endpoints.get(slot).filter(|(before, _)| before == id);
            let waiting = same.map_or(f32::NAN, |(_, waiting)| *waiting);
            next.endpoints.insert(*slot, (id.clone(), waiting));
        }
        for data in step.iter().flat_map(|chunk| &chunk.columns).filter(|data| data.column == column) {
            let slots = next.named(&data.slots);
            if slots.len() != data.values.len() {
                return Err(error("invalid_argument", "not one value a slot"));
            }
            for (i, slot) in slots.iter().enumerate() {
                if let Some((_, waiting)) = next.endpoints.get_mut(slot) {
                    *waiting = if has_bit(&data.unknown, i) { f32::NAN } else { data.values[i] };
                }
            }
        }
        Ok(next)
    }

    /// Slots that a bitmap names; an empty one names all that live.
    fn named(&self, bitmap: &[u8]) -> Vec<u32> {
        match bitmap {
            [] => self.endpoints.keys().copied().collect(),
            _ => (0..8 * bitmap.len()).filter(|i| has_bit(bitmap, *i)).map(|i| i as u32).collect(),
        }
    }

    fn misfit(&self, message: &str) -> CallError {
        CallError { have_epoch: self.epoch, have_rev: self.rev, ..error("failed_precondition", message) }
    }
}

fn has_bit(bitmap: &[u8], i: usize) -> bool {
    bitmap.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 == 1)
}

fn error(code: &str, message: &str) -> CallError {
    CallError { code: code.into(), message: message.into(), ..Default::default() }
}

fn hello() -> HandshakeResponse {
    let mut queue = ScorerSpec { r#type: TYPE.into(), ..Default::default() };
    queue.set_category(Category::Distribution);
    queue.set_state(StateScope::None);
    queue.needs = vec![Need { key: "waiting_requests".into(), ..Default::default() }];
    HandshakeResponse {
        plugin: env!("CARGO_PKG_NAME").into(),
        plugin_version: env!("CARGO_PKG_VERSION").into(),
        boot_id: format!("{:?}", *STARTED),
        scorers: vec![queue],
        features: vec![],
    }
}

struct Plugin;

#[tonic::async_trait]
impl ScorerService for Plugin {
    async fn session(
        &self,
        request: Request<Streaming<SessionRequest>>,
    ) -> Result<Response<BoxStream<SessionResponse>>, Status> {
        let (outbox, answers) = mpsc::channel(64);
        let mut frames = request.into_inner();
        tokio::spawn(async move {
            let mut session = Session::default();
            while let Ok(Some(SessionRequest { frame })) = frames.message().await {
                for answer in frame.map_or(vec![], |frame| session.take(frame)) {
                    if outbox.send(Ok(SessionResponse { frame: Some(answer) })).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

/// Ends the process with its host, which holds standard input open while it lives.
fn end_with_input() {
    if fs::metadata("/dev/stdin").is_ok_and(|input| input.file_type().is_fifo() || input.file_type().is_socket()) {
        thread::spawn(|| io::copy(&mut io::stdin(), &mut io::sink()).map(|_| process::exit(0)));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::var("OUTRIDER_PLUGIN_SOCKET")?;
    let bearer = format!("Bearer {}", env::var("OUTRIDER_PLUGIN_TOKEN").unwrap_or_default());
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    end_with_input();
    let check = move |request: Request<()>| match request.metadata().get("authorization") {
        Some(token) if token.as_bytes() == bearer.as_bytes() => Ok(request),
        _ if bearer == "Bearer " => Ok(request),
        _ => Err(Status::unauthenticated("the token is not mine")),
    };
    let service = ScorerServiceServer::new(Plugin).max_decoding_message_size(1024 * 1024);
    let server = Server::builder().add_service(InterceptedService::new(service, check));
    server.serve_with_incoming(UnixListenerStream::new(listener)).await?;
    Ok(())
}
