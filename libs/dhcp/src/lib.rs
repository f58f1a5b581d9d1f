//! DHCP codec and the bootstrap-URI options 143 and 136 of RFC 8572 section 8
