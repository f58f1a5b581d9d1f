//! DHCP and boot protocols as machines without sockets, and the sockets that drive them
