//! Real binaries, several processes, real sockets on loopback.

mod circle;
mod crash;
mod device;
mod secrecy;
mod share;
mod stranger;
