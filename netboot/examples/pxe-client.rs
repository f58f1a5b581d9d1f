//! What PXE firmware says on the network, without a machine: `pxe-client discover INTERFACE CLASS ARCHITECTURE [USER-CLASS]` looks for an
//! address and for something to boot, takes the address and prints every answer; `pxe-client choose SERVER ADDRESS CLASS KIND LAYER` asks a
//! boot server from that address for a line of its menu.
//!
//! An answer is one line: its kind, who sent it, and what it says of address, server, file and menu.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::{
    env,
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use dhcp::v4::{
    Architecture, ClientArchitectures, Flags, HardwareAddress, MacAddress, MachineIdentifier, MaximumMessageSize,
    Message, MessageType, NetworkInterface, Operation, OptionCode, ParameterRequestList, PxeBootItem, PxeOptions,
    PxeServerKind, RequestedAddress, ServerIdentifier, TransactionId, VendorClass,
};
use socket2::{Domain, Protocol, Socket, Type};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["discover", interface, class, architecture, user_class @ ..] => {
            discover(interface, &said(class, Some(architecture.parse()?), user_class.first().copied()))
        }
        ["choose", server, address, class, kind, layer] => {
            let item = PxeBootItem { kind: PxeServerKind(kind.parse()?), layer: layer.parse()? };
            choose(server.parse()?, address.parse()?, said(class, Some(7), None), item)
        }
        _ => Err(
            "pxe-client discover INTERFACE CLASS ARCHITECTURE [USER-CLASS] | choose SERVER ADDRESS CLASS KIND LAYER"
                .into(),
        ),
    }
}

/// What the firmware says of itself in every message.
fn said(class: &str, architecture: Option<u16>, user_class: Option<&str>) -> Message {
    let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(MacAddress([2, 0, 0x5e, 0, 0, 1])));
    message.transaction = TransactionId(std::process::id());
    message.flags = Flags::BROADCAST;
    let asked = [1, 3, 6, 12, 15, 17, 43, 54, 60, 66, 67, 97];
    message.options.put(&ParameterRequestList(asked.into_iter().filter_map(OptionCode::new).collect()));
    message.options.put(&MaximumMessageSize::ETHERNET);
    message.options.put(&VendorClass(class.into()));
    message.options.put(&ClientArchitectures(architecture.map(Architecture).into_iter().collect()));
    message.options.put(&NetworkInterface { kind: 1, major: 3, minor: 0 });
    message.options.put(&MachineIdentifier { kind: 0, bytes: [7; 16] });
    if let Some(user_class) = user_class {
        // As iPXE does, without the length of RFC 3004.
        message.options.insert(OptionCode::USER_CLASS, user_class);
    }
    message
}

/// Looks for offers until one has an address and the others had two seconds more, then takes the address.
fn discover(interface: &str, said: &Message) -> Outcome<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 68)).into())?;
    let socket = UdpSocket::from(socket);

    let mut message = said.clone();
    message.options.put(&MessageType::Discover);
    let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
    let offers = exchange(&socket, &message, everybody, Duration::from_secs(2), |_| false)?;
    let lent = offers.iter().find(|offer| !offer.your_address.is_unspecified()).ok_or("no address was offered")?;

    message.options.put(&MessageType::Request);
    message.options.put(&RequestedAddress(lent.your_address));
    message.options.put(&lent.options.value::<ServerIdentifier>()?.ok_or("an offer without server")?);
    exchange(&socket, &message, everybody, Duration::from_secs(2), |reply| !reply.your_address.is_unspecified())?;
    Ok(())
}

/// Asks a boot server, from an address that this machine has by now.
fn choose(server: Ipv4Addr, address: Ipv4Addr, said: Message, item: PxeBootItem) -> Outcome<()> {
    let socket = UdpSocket::bind((address, 68))?;
    socket.set_broadcast(true)?;
    let mut message = said;
    message.client_address = address;
    message.options.put(&MessageType::Request);
    message.options.put(&PxeOptions { boot_item: Some(item), ..PxeOptions::default() }.encode()?);
    // PXE 2.1 §2.2: boot servers listen at port 4011; by broadcast they are asked at port 67.
    let port = if server.is_broadcast() { 67 } else { 4011 };
    exchange(&socket, &message, SocketAddrV4::new(server, port), Duration::from_secs(2), |_| true)?;
    Ok(())
}

/// Sends a message and collects the answers to it for a while, or until one is enough. Without any it sends again, five times at most.
fn exchange(
    socket: &UdpSocket,
    message: &Message,
    to: SocketAddrV4,
    patience: Duration,
    enough: impl Fn(&Message) -> bool,
) -> Outcome<Vec<Message>> {
    let mut replies = Vec::new();
    for _ in 0..5 {
        socket.send_to(&message.encode(), to)?;
        let until = Instant::now() + patience;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            socket.set_read_timeout(Some(left))?;
            let mut buffer = [0; 1500];
            let (length, from) = match socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
                Err(error) => return Err(error.into()),
            };
            let reply = Message::decode(buffer.get(..length).unwrap_or_default())?;
            if reply.transaction != message.transaction || reply.operation != Operation::Reply {
                continue;
            }
            print(&reply, from)?;
            let last = enough(&reply);
            replies.push(reply);
            if last {
                return Ok(replies);
            }
        }
        if !replies.is_empty() {
            break;
        }
    }
    Ok(replies)
}

fn print(reply: &Message, from: SocketAddr) -> Outcome<()> {
    let kind = reply.options.value::<MessageType>()?.ok_or("a reply without type")?;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let class = reply.options.value::<VendorClass>()?.map(|class| text(&class.0)).unwrap_or_default();
    let menu = reply.options.bytes(OptionCode::VENDOR_SPECIFIC).map(PxeOptions::decode).transpose()?;
    println!(
        "{kind} from={} to-me={} siaddr={} file={} class={class} lines={} chosen={}",
        from.ip(),
        reply.your_address,
        reply.next_server,
        text(reply.boot_file.as_bytes()),
        menu.as_ref().map_or(0, |menu| menu.menu.len()),
        menu.and_then(|menu| menu.boot_item).map_or_else(String::new, |item| format!("{}.{}", item.kind.0, item.layer)),
    );
    Ok(())
}
