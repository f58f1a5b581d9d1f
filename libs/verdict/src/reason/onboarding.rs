//! The device on its way: what it finds, asks, and does with what it is given.

/// Gives its part of the table to the next in the row, behind what came before.
macro_rules! onboarding {
    ($next:ident $($rest:ident)*; $($before:tt)*) => {
        $next! {
            $($rest)*; $($before)*
            // Finding and asking bootstrap servers
            UnsignedOnboardingUntrusted, "unsigned-onboarding-untrusted", "RFC 8572 §5.3",
                "Unsigned onboarding information came from a server this device has no reason to trust",
                "Sign the onboarding information, or redirect the device to a server it can authenticate.";
            RedirectLimit, "redirect-limit", "RFC 8572 §5.3",
                "Too many redirects in a row",
                "Shorten the chain of redirect servers to at most ten.";
            RedirectLoop, "redirect-loop", "RFC 8572 §5.3",
                "The redirect leads back to a server already asked in the same state",
                "Remove the loop from the redirect information of the servers named in the detail.";
            RedirectTargetBlocked, "redirect-target-blocked", "RFC 8572 §5.5",
                "An untrusted source points to an address that must not be contacted",
                "Correct the source; in a lab, list the range under allow-targets.";
            ServerUnreachable, "server-unreachable", "RFC 8572 §5.6",
                "The server cannot be reached",
                "Check that it runs, and the address, port and network path to it.";
            ServerUntrusted, "server-untrusted", "RFC 8572 §5.5",
                "The server's TLS certificate does not validate to the anchor given for it",
                "Put the issuer of the server's certificate into the redirect information, or renew the certificate.";
            ServerNameMismatch, "server-name-mismatch", "RFC 8572 §5.5",
                "The server's TLS certificate does not name the address it was reached by",
                "Issue the server certificate with this name or address as subject alternative name.";
            ServerAnswerInvalid, "server-answer-invalid", "RFC 8040 §3.6",
                "The server's answer is not what the protocol allows",
                "Check that the address is a RESTCONF bootstrap server; its log says what it sent.";
            ServerRefused, "server-refused", "RFC 8040 §7",
                "The server refused the request",
                "The server's own reason stands in the detail; ask its operator.";
            NothingForThisDevice, "nothing-for-this-device", "RFC 8572 §4.4",
                "The server has nothing for this device",
                "Register the device and give it a profile and a voucher.";
            NoSource, "no-source", "RFC 8572 §5.2",
                "No source of bootstrapping data gave anything usable",
                "Check DHCP option 143, DNS and storage; the trace lists what each source gave.";
            DnsRecordInvalid, "dns-record-invalid", "RFC 8572 §4.2",
                "A DNS record does not carry what a device looks for under its name",
                "Publish ci, oc and ov as binary TXT values, or SRV records that name bootstrap servers.";
            RemovableStorageInvalid, "removable-storage-invalid", "RFC 8572 §4.1",
                "The removable storage holds nothing usable for this device",
                "Write it again, as the layout has it; the detail names the file.";
            DeviceKeyFailed, "device-key-failed", "RFC 8572 §5.1",
                "The device's own key does not sign",
                "Check the place of the key: `sztp-device identity check` says what is wrong with it.";
            // Onboarding
            ImageUnreachable, "image-unreachable", "RFC 8572 §5.6",
                "The boot image could not be downloaded from any of its URIs",
                "Check the image server and the URIs in the onboarding information.";
            ImageTooLarge, "image-too-large", "RFC 8572 §5.6",
                "The boot image exceeds the size this device can store",
                "Make the image smaller or raise the device's limit.";
            ImageVerificationMissing, "image-verification-missing", "RFC 8572 §5.6",
                "The boot image has neither a known hash nor a signature to verify it by",
                "Put a sha-256 image-verification into the onboarding information.";
            ImageHashMismatch, "image-hash-mismatch", "RFC 8572 §5.6",
                "The boot image is not the one the owner named",
                "Publish the image whose SHA-256 stands in the onboarding information, or correct the hash.";
            ImageNotRunning, "image-not-running", "RFC 8572 §5.6",
                "The image was installed but another one is running",
                "Look at the boot loader's log: it may have refused the image or fallen back.";
            FitMalformed, "fit-malformed", "FIT source file format",
                "The boot image is not a well-formed Flattened Image Tree",
                "Build the image again with mkimage.";
            FitUnsigned, "fit-unsigned", "FIT signature verification",
                "The boot image's configuration carries no signature",
                "Sign the configuration, not only the images in it.";
            FitSignatureInvalid, "fit-signature-invalid", "FIT signature verification",
                "No trusted key verifies the signature of the boot image's configuration",
                "Sign the image with a key that the device holds; a change after signing has the same effect.";
            FitHashMismatch, "fit-hash-mismatch", "FIT signature verification",
                "A part of the boot image does not match its signed hash",
                "The image was damaged or changed after signing: build it again.";
            FitConfigurationMissing, "fit-configuration-missing", "FIT source file format",
                "The boot image has no configuration to select",
                "Name an existing configuration, or give the image a default one.";
            PreScriptFailed, "pre-script-failed", "RFC 8572 §5.6",
                "The pre-configuration script failed",
                "The script's output stands in the detail: correct the script.";
            ConfigurationFailed, "configuration-failed", "RFC 8572 §5.6",
                "The configuration could not be committed",
                "The detail says what the configuration back end answered.";
            PostScriptFailed, "post-script-failed", "RFC 8572 §5.6",
                "The post-configuration script failed; the configuration was rolled back",
                "The script's output stands in the detail: correct the script.";
            ReportNotAcknowledged, "report-not-acknowledged", "RFC 8572 §5.6",
                "The server did not acknowledge a progress report that must be acknowledged",
                "Look at the server's log; the device will try again.";
            StorageFailed, "storage-failed", "RFC 8572 §5.6",
                "The device could not write to its own storage",
                "Check free space, mount state and wear of the device's storage.";
            // DHCP
            DhcpMalformed, "dhcp-malformed", "RFC 2131 §3",
                "The datagram is not a well-formed DHCP message",
                "Look at the sender; a capture shows the bytes.";
            DhcpUriInvalid, "dhcp-uri-invalid", "RFC 8572 §8.3",
                "A bootstrap URI is not https://host or https://host:port",
                "Configure scheme, host and port only; a path is not allowed.";
            DhcpPoolExhausted, "dhcp-pool-exhausted", "RFC 2131 §4.3.1",
                "There is no free address left to lease",
                "Enlarge the pool or shorten leases; many unknown MACs at once may also mean starvation by one machine.";
            DhcpNoRecord, "dhcp-no-record", "RFC 2131 §4.3.2",
                "The client asks to keep an address of which this server knows nothing",
                "Nothing, if another server leased it; the client will ask afresh.";
            DhcpWrongNetwork, "dhcp-wrong-network", "RFC 2131 §4.3.2",
                "The client asks for an address that does not belong on its network",
                "The client was told to ask afresh; it moved, or a second server hands out other addresses.";
            DhcpLeaseExpired, "dhcp-lease-expired", "RFC 2131 §4.4.5",
                "The lease in a DHCP client's file is over",
                "Look whether that client still runs; the agent can ask by itself, with kind = \"dhcp4\" or \"dhcp6\".";
            DhcpOptionNotKept, "dhcp-option-not-kept", "RFC 8572 §8.1",
                "A DHCP client's lease file holds neither option 143 nor option 136",
                "Tell the client to ask for it, or let the agent ask beside it with kind = \"dhcp4\" and mode = \"inform\".";
            DhcpRelayLoop, "dhcp-relay-loop", "RFC 1542 §4.1.1",
                "A DHCP message passed more relay agents than a network has",
                "Relay agents forward to one another: look at the helper addresses of the routers on the way.";
            DhcpLeaseNotKept, "dhcp-lease-not-kept", "RFC 2131 §4.3",
                "A lease could not be made durable, so the client was told nothing",
                "Look at the database: its disk, its connection. Clients ask again by themselves.";
            DhcpBusy, "dhcp-busy", "RFC 2131 §4.1",
                "More clients ask at once than leases can be written; those who began later wait",
                "Nothing after a power cut, they ask again. If it lasts: look for a host that invents clients, and at the disk's write latency.";
            DhcpOtherServer, "dhcp-other-server", "RFC 2131 §3.1",
                "A client of this network spoke with a DHCP server that is not on the list",
                "If it belongs there, name it in other-servers; otherwise find it by its address: it decides where devices boot from.";
        }
    };
}
