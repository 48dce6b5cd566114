//! Real binaries, several processes, real sockets on loopback.

mod backup;
mod circle;
mod crash;
mod device;
mod nearby;
mod poll;
mod recover;
mod relay;
mod secrecy;
mod share;
mod stranger;
