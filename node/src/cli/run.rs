//! `maille run`: the node in the foreground, until Ctrl-C or SIGTERM.

use std::collections::BTreeMap;
use std::net::IpAddr;

use maille_core::command::{Command, Done};
use maille_core::io::Event;
use maille_node::driver::{Ended, Mode, Node};
use maille_node::home_dir::{Config, HomeDir};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use crate::cli::desk::{self, Holder, of_call};
use crate::cli::failure::Failure;
use crate::cli::flags::RunFlags;
use crate::cli::screen::Screen;
use crate::cli::{Context, typed};

/// Runs the node.
pub(crate) fn run(context: &Context, flags: &RunFlags) -> Result<(), Failure> {
    let listen = typed::listen(&flags.listen)?;
    let home = HomeDir::open(&context.home).map_err(Failure::of_home)?;
    let before = home.config().map_err(Failure::of_home)?;
    let addresses = if listen.is_empty() {
        &before.listen
    } else {
        &listen
    };
    if flags.nearby && addresses.iter().all(|address| is_loopback(address)) {
        return Err(Failure::NobodyNearby { reason: None });
    }
    let mode = if flags.nearby {
        Mode::Nearby
    } else {
        Mode::Daemon
    };
    let runtime = desk::runtime()?;
    let running = || Failure::AlreadyRunning {
        home: context.home.clone(),
    };
    if !listen.is_empty() {
        let lock = || home.lock().map_err(Failure::of_home);
        // Not under a node that runs already.
        let Holder::Us(lock) = desk::take_home(&runtime, &home, lock)? else {
            return Err(running());
        };
        home.set_config(&Config::listening(listen))
            .map_err(Failure::of_home)?;
        drop(lock);
    }
    let started = desk::start(&runtime, context, &home, mode).inspect_err(|_| {
        // An address that cannot be listened on is not remembered. The first failure is
        // the one to tell.
        let _ = home.set_config(&before);
    })?;
    let Holder::Us(node) = started else {
        return Err(running());
    };
    runtime.block_on(until_stopped(context, *node))
}

/// Whether only this computer reaches a multiaddr text.
fn is_loopback(address: &str) -> bool {
    let ip = address.split('/').nth(2).and_then(|ip| ip.parse().ok());
    ip.is_some_and(|ip: IpAddr| ip.is_loopback())
}

async fn until_stopped(context: &Context, node: Node) -> Result<(), Failure> {
    let screen = &context.screen;
    // Before saying so: whoever waits for that may stop the node at once.
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(interrupt), Ok(terminate)) = signals else {
        return Err(Failure::Bug {
            what: "no signal can be waited for".to_owned(),
        });
    };
    let listening = node.listening();
    let fields = json!({ "person": node.person(), "listening": listening });
    screen.done("running", fields, |screen| {
        screen.lines(screen.text.running(&listening));
    });
    let ended = attend(screen, &node, interrupt, terminate).await;
    match ended {
        Ended::Stopped => {
            node.shutdown().await;
            screen.note(screen.text.stopped());
            Ok(())
        }
        Ended::Failed(reason) => Err(Failure::HomeUnusable {
            home: context.home.clone(),
            reason,
        }),
    }
}

/// Tells what happens until the node ends or is told to.
async fn attend(
    screen: &Screen,
    node: &Node,
    mut interrupt: Signal,
    mut terminate: Signal,
) -> Ended {
    let mut events = node.events();
    let mut names = Names::default();
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ended::Stopped,
            _ = terminate.recv() => return Ended::Stopped,
            ended = node.ended() => return ended,
            event = events.recv() => match event {
                Ok(event) if !screen.json => {
                    let name = names.of(&event, node, screen).await;
                    screen.note(screen.text.event(&event, &name));
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return node.ended().await,
            }
        }
    }
}

/// What this person calls others, looked up when somebody new turns up.
#[derive(Default)]
struct Names {
    known: BTreeMap<String, String>,
}

impl Names {
    async fn of(&mut self, event: &Event, node: &Node, screen: &Screen) -> String {
        let who = match event {
            Event::ContactOnline { person }
            | Event::ContactOffline { person }
            | Event::Delivered { person }
            | Event::SetAside { person, .. } => person.to_string(),
            Event::ShareOffered { grant }
            | Event::ShareArrived { grant }
            | Event::RowsArrived { grant, .. }
            | Event::ShareEnded { grant } => grant.to_string(),
            Event::JoinRefused { circle, .. }
            | Event::MemberJoined { circle, .. }
            | Event::InviteRefused { circle, .. }
            | Event::CircleNews { circle } => circle.to_string(),
            Event::Violation { peer, .. } => return peer.to_string(),
            Event::DeviceAsks { name, .. } | Event::CircleJoined { name, .. } => {
                return name.clone();
            }
            Event::PairingRefused | Event::DeviceRemoved => return String::new(),
        };
        if !self.known.contains_key(&who) && self.look_up(node).await.is_err() {
            tracing::debug!("names are unknown: the node is ending");
        }
        let someone = || screen.text.someone().to_owned();
        let name = self.known.get(&who).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(someone)
    }

    async fn look_up(&mut self, node: &Node) -> Result<(), Failure> {
        if let Done::Status(status) = node.call(Command::Status).await.map_err(of_call)? {
            let contacts = status.contacts.into_iter();
            self.known
                .extend(contacts.map(|it| (it.person.to_string(), it.name)));
        }
        if let Done::ReceivedList { shares } =
            node.call(Command::ReceivedList).await.map_err(of_call)?
        {
            self.known
                .extend(shares.into_iter().map(|it| (it.id.to_string(), it.name)));
        }
        if let Done::Circles { circles, joining } =
            node.call(Command::Circles).await.map_err(of_call)?
        {
            let joining = joining
                .into_iter()
                .map(|it| (it.circle.to_string(), it.name));
            self.known.extend(joining);
            self.known
                .extend(circles.into_iter().map(|it| (it.id.to_string(), it.name)));
        }
        Ok(())
    }
}
