//! The spike that settled the boundary of the core (see `ARCHITECTURE.md`).
//!
//! 200 libp2p peers on loopback, in this process, each hold one stream to one hub and send it
//! small frames, the next as soon as the last was answered. The hub answers in three ways, one
//! after the other: without writing anything, with one redb commit for all that waits (what the
//! node does), and with one redb commit per frame. Then it times what could be handed out of the
//! core or done inside it: a sealed store read, a signature check, opening an X-Wing box.
//!
//! ```text
//! cargo run --profile ci -p maille-tests --bin spike -- [--peers 200] [--frames 50] [--tcp]
//! ```
//!
//! CPU figures count the peers too: they live in the same process.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark that prints its figures is what this is"
)]

use std::collections::BTreeMap;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder};
use redb::{Database, ReadableDatabase, TableDefinition};
use tokio::sync::mpsc;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/maille/spike/1");
const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("maille");
const FRAME_BYTES: usize = 300; // a small sealed entry with its header

type Boxed = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Commits {
    None,
    Group,
    PerFrame,
}

struct Figures {
    name: &'static str,
    seconds: f64,
    cpu_seconds: f64,
    frames: usize,
    commits: usize,
    latencies: Vec<Duration>,
}

#[derive(Clone, Copy)]
struct Options {
    peers: usize,
    frames: usize,
    tcp: bool,
}

fn main() -> Result<(), Boxed> {
    let options = options();
    println!(
        "{} peers, {} frames of {FRAME_BYTES} bytes each, over {}, {} CPUs",
        options.peers,
        options.frames,
        if options.tcp { "TCP+Noise" } else { "QUIC" },
        std::thread::available_parallelism()?,
    );
    println!(
        "| answers after | frames/s | commits | frames per commit | commit | p50 | p99 | CPU per frame |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let ways = [
        ("no commit", Commits::None),
        ("a group commit", Commits::Group),
        ("a commit per frame", Commits::PerFrame),
        ("no commit, again", Commits::None),
        ("a group commit, again", Commits::Group),
    ];
    for (name, commits) in ways {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        // One commit per frame is so slow that fewer frames tell the same.
        let frames = match commits {
            Commits::PerFrame => options.frames.div_ceil(5),
            Commits::None | Commits::Group => options.frames,
        };
        let options = Options { frames, ..options };
        print(&runtime.block_on(run(name, options, commits))?);
        runtime.shutdown_timeout(Duration::from_secs(5));
    }
    costs()
}

fn options() -> Options {
    let mut options = Options {
        peers: 200,
        frames: 50,
        tcp: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--peers" => options.peers = number(words.next()),
            "--frames" => options.frames = number(words.next()),
            "--tcp" => options.tcp = true,
            other => panic!("unknown option {other}"),
        }
    }
    options
}

fn number(word: Option<String>) -> usize {
    word.and_then(|word| word.parse().ok())
        .expect("a number follows the option")
}

fn print(figures: &Figures) {
    let mut latencies = figures.latencies.clone();
    latencies.sort();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let (per_commit, commit) = if figures.commits == 0 {
        ("-".to_owned(), "-".to_owned())
    } else {
        (
            format!("{:.1}", figures.frames as f64 / figures.commits as f64),
            format!("{:.2} ms", figures.seconds * 1e3 / figures.commits as f64),
        )
    };
    println!(
        "| {} | {:.0} | {} | {per_commit} | {commit} | {:.1} ms | {:.1} ms | {:.0} µs |",
        figures.name,
        figures.frames as f64 / figures.seconds,
        figures.commits,
        at(50),
        at(99),
        figures.cpu_seconds * 1e6 / figures.frames as f64,
    );
}

fn swarm(tcp: bool) -> Result<Swarm<libp2p_stream::Behaviour>, Boxed> {
    let builder = SwarmBuilder::with_new_identity().with_tokio();
    let idle = |config: libp2p::swarm::Config| {
        config.with_idle_connection_timeout(Duration::from_secs(60))
    };
    Ok(if tcp {
        builder
            .with_tcp(
                libp2p::tcp::Config::default().nodelay(true),
                libp2p::noise::Config::new,
                libp2p::yamux::Config::default,
            )?
            .with_behaviour(|_| libp2p_stream::Behaviour::new())?
            .with_swarm_config(idle)
            .build()
    } else {
        builder
            .with_quic()
            .with_behaviour(|_| libp2p_stream::Behaviour::new())?
            .with_swarm_config(idle)
            .build()
    })
}

async fn run(name: &'static str, options: Options, commits: Commits) -> Result<Figures, Boxed> {
    let folder = tempfile::tempdir_in(".")?;
    let database = Database::builder()
        .set_cache_size(16 << 20)
        .create(folder.path().join("store.redb"))?;
    let (hub, address, commit_count) = hub(options.tcp, database, commits).await?;

    let mut streams = Vec::new();
    for _ in 0..options.peers {
        let mut peer = swarm(options.tcp)?;
        let mut control = peer.behaviour().new_control();
        peer.dial(
            libp2p::swarm::dial_opts::DialOpts::peer_id(hub)
                .addresses(vec![address.clone()])
                .build(),
        )?;
        tokio::spawn(async move {
            loop {
                peer.select_next_some().await;
            }
        });
        streams.push(control.open_stream(hub, PROTOCOL).await?);
    }

    let (started, cpu) = (Instant::now(), cpu_seconds()?);
    let mut tasks = Vec::new();
    for mut stream in streams {
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::with_capacity(options.frames);
            let (frame, mut answer) = ([7_u8; FRAME_BYTES], [0_u8; 32]);
            for _ in 0..options.frames {
                let sent = Instant::now();
                stream.write_all(&frame).await?;
                stream.flush().await?;
                stream.read_exact(&mut answer).await?;
                latencies.push(sent.elapsed());
            }
            Ok::<_, std::io::Error>(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Figures {
        name,
        seconds,
        cpu_seconds: cpu_seconds()? - cpu,
        frames: latencies.len(),
        commits: commit_count.load(std::sync::atomic::Ordering::Relaxed),
        latencies,
    })
}

type Counter = std::sync::Arc<std::sync::atomic::AtomicUsize>;

/// Starts the hub: a reader and a writer per stream, one loop that decides, one thread that commits.
async fn hub(
    tcp: bool,
    database: Database,
    commits: Commits,
) -> Result<(PeerId, Multiaddr, Counter), Boxed> {
    let mut hub = swarm(tcp)?;
    let id = *hub.local_peer_id();
    let address = if tcp {
        "/ip4/127.0.0.1/tcp/0"
    } else {
        "/ip4/127.0.0.1/udp/0/quic-v1"
    };
    hub.listen_on(address.parse()?)?;
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = hub.select_next_some().await {
            break address;
        }
    };
    let mut incoming = hub.behaviour().new_control().accept(PROTOCOL)?;
    tokio::spawn(async move {
        loop {
            hub.select_next_some().await;
        }
    });

    let (received, mut inbox) = mpsc::channel::<(u64, Vec<u8>)>(1024);
    let (writers, mut new_writers) = mpsc::channel(1024);
    tokio::spawn(async move {
        let mut next = 0_u64;
        while let Some((_, stream)) = incoming.next().await {
            next += 1;
            let name = next;
            let (mut read, mut write) = stream.split();
            let (answers, mut outbox) = mpsc::channel::<[u8; 32]>(16);
            let received = received.clone();
            if writers.send((name, answers)).await.is_err() {
                return;
            }
            tokio::spawn(async move {
                while let Some(answer) = outbox.recv().await {
                    if write.write_all(&answer).await.is_err() || write.flush().await.is_err() {
                        return;
                    }
                }
            });
            tokio::spawn(async move {
                let mut frame = vec![0; FRAME_BYTES];
                while read.read_exact(&mut frame).await.is_ok() {
                    if received.send((name, frame.clone())).await.is_err() {
                        return;
                    }
                }
            });
        }
    });

    let counter = Counter::default();
    let (queue, waiting) = std_mpsc::channel::<(u64, Vec<u8>)>();
    let (committed, mut durable) = mpsc::unbounded_channel();
    let count = counter.clone();
    std::thread::spawn(move || commit_loop(&database, commits, &waiting, &committed, &count));
    tokio::spawn(async move {
        let mut outboxes = BTreeMap::new();
        loop {
            tokio::select! {
                Some((name, writer)) = new_writers.recv() => { outboxes.insert(name, writer); }
                Some((name, frame)) = inbox.recv() => match commits {
                    Commits::None => answer(&outboxes, name),
                    Commits::Group | Commits::PerFrame => {
                        if queue.send((name, frame)).is_err() { return }
                    }
                },
                Some(names) = durable.recv() => {
                    let names: Vec<u64> = names;
                    for name in names { answer(&outboxes, name); }
                }
                else => return,
            }
        }
    });
    Ok((id, address, counter))
}

fn answer(outboxes: &BTreeMap<u64, mpsc::Sender<[u8; 32]>>, name: u64) {
    let outbox = outboxes.get(&name).expect("a stream is announced first");
    outbox
        .try_send([1; 32])
        .expect("one frame per peer is on its way, and sixteen fit");
}

fn commit_loop(
    database: &Database,
    commits: Commits,
    waiting: &std_mpsc::Receiver<(u64, Vec<u8>)>,
    committed: &mpsc::UnboundedSender<Vec<u64>>,
    counter: &Counter,
) {
    let mut serial = 0_u64;
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        if commits == Commits::Group {
            group.extend(waiting.try_iter());
        }
        let transaction = database.begin_write().expect("one writer");
        {
            let mut table = transaction.open_table(TABLE).expect("the table opens");
            for (_, frame) in &group {
                serial += 1;
                table
                    .insert(serial.to_be_bytes().as_slice(), frame.as_slice())
                    .expect("there is room");
            }
        }
        transaction.commit().expect("the disk works");
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let names = group.into_iter().map(|(name, _)| name).collect();
        if committed.send(names).is_err() {
            return;
        }
    }
}

/// User and system time of this process so far.
fn cpu_seconds() -> Result<f64, Boxed> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no process name")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0) // USER_HZ, part of Linux's interface
}

fn costs() -> Result<(), Boxed> {
    use ed25519_dalek::Signer;
    use hpke::{Kem as _, OpModeR, OpModeS};
    use hpke::{aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::XWing};

    println!("\n| one | median |");
    println!("|---|---|");
    let folder = tempfile::tempdir_in(".")?;
    let database = Database::builder()
        .set_cache_size(16 << 20)
        .create(folder.path().join("store.redb"))?;
    let cipher = XChaCha20Poly1305::new(&[3; 32].into());
    let seal = |number: u64| {
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        let key = number.to_be_bytes();
        let nonce = XNonce::from(nonce);
        let sealed = cipher.encrypt(
            &nonce,
            Payload {
                msg: &[9; 1024],
                aad: &key,
            },
        );
        [nonce.as_slice(), &sealed.expect("1 KiB can be sealed")].concat()
    };
    for (count, note) in [
        (10_000_u64, "fits the cache"),
        (100_000, "7 times the cache"),
    ] {
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for number in 0..count {
                table.insert(number.to_be_bytes().as_slice(), seal(number).as_slice())?;
            }
        }
        transaction.commit()?;
        let mut number = 1_u64;
        time(
            &format!("store read of a sealed 1 KiB value, {count} values ({note})"),
            5_000,
            || {
                number = number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let key = ((number >> 33) % count).to_be_bytes();
                let table = database.begin_read().map(|read| read.open_table(TABLE));
                let table = table.expect("reads work").expect("the table is there");
                let value = table
                    .get(key.as_slice())
                    .expect("reads work")
                    .expect("it was written");
                let (nonce, sealed) = value.value().split_at(24);
                let nonce = XNonce::try_from(nonce).expect("24 bytes were split off");
                let opened = cipher.decrypt(
                    &nonce,
                    Payload {
                        msg: sealed,
                        aad: &key,
                    },
                );
                std::hint::black_box(opened.expect("it was sealed with this key"));
            },
        );
    }

    let mut file = std::fs::File::create(folder.path().join("fsync"))?;
    time("4 KiB written and synced, bare file", 500, || {
        std::io::Write::write_all(&mut file, &[7; 4096]).expect("there is room");
        file.sync_data().expect("the disk works");
    });

    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let message = [7_u8; 320];
    time("signature made (320 bytes)", 2_000, || {
        std::hint::black_box(key.sign(&message));
    });
    let (signature, public) = (key.sign(&message), key.verifying_key());
    time("signature verified, strict", 2_000, || {
        public
            .verify_strict(&message, &signature)
            .expect("it is right");
    });

    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let (secret, public) = XWing::gen_keypair_with_rng(&mut rng);
    let make = |rng: &mut _| {
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &public,
            b"spike",
            &[1; 32],
            b"",
            rng,
        )
        .expect("a key can be boxed")
    };
    time("X-Wing box made", 500, || {
        std::hint::black_box(make(&mut rng));
    });
    let (encapsulated, sealed) = make(&mut rng);
    time("X-Wing box opened", 500, || {
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &secret,
            &encapsulated,
            b"spike",
            &sealed,
            b"",
        );
        std::hint::black_box(opened.expect("it was boxed for this key"));
    });
    let sealed_16k = cipher.encrypt(&XNonce::from([1; 24]), [9_u8; 16 << 10].as_slice());
    let sealed_16k = sealed_16k.expect("16 KiB can be sealed");
    time("16 KiB entry opened (XChaCha20-Poly1305)", 2_000, || {
        let opened = cipher.decrypt(&XNonce::from([1; 24]), sealed_16k.as_slice());
        std::hint::black_box(opened.expect("it was sealed with this key"));
    });
    let (to_worker, work) = std_mpsc::channel::<Instant>();
    let (done, from_worker) = std_mpsc::channel();
    std::thread::spawn(move || work.iter().try_for_each(|at| done.send(at)));
    time("handing nothing to a thread and back", 2_000, || {
        to_worker.send(Instant::now()).expect("the worker lives");
        from_worker.recv().expect("the worker lives");
    });
    Ok(())
}

fn time(name: &str, count: usize, mut what: impl FnMut()) {
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let started = Instant::now();
            what();
            started.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "| {name} | {:.1} µs |",
        times[count / 2].as_secs_f64() * 1e6
    );
}
