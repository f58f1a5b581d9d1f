use super::*;

fn parse(document: &str) -> Result<OnboardingProfile, ProfileInvalid> {
    OnboardingProfile::from_toml(ProfileName::new("rack").unwrap(), document)
}

#[test]
fn a_whole_profile() {
    let sha256 = "ab".repeat(32);
    let profile = parse(&format!(
        "reporting-level = 'verbose'\npre-configuration-script = '''#!/bin/sh\n'''\n\
         [configuration]\nhandling = 'merge'\ncontent = '{{}}'\n\
         [boot-image]\nos-name = 'A'\nos-version = '1'\ndownload-uris = ['https://h/i']\nsha256 = '{sha256}'\n"
    ))
    .unwrap();
    assert_eq!(profile.reporting_level, ReportingLevel::Verbose);
    assert_eq!(profile.information.boot_image.unwrap().sha256, Some(Digest([0xab; 32])));
    assert_eq!(profile.information.configuration.unwrap().content, b"{}");
}

#[test]
fn srv_06_the_first_variant_that_fits_replaces_parts_and_leaves_the_others() {
    let profile = parse(
        "post-configuration-script = 'p'\n[configuration]\nhandling = 'merge'\ncontent = 'c'\n\
         [[variant]]\nname = 'new'\nwhen = { os-version = '2.*' }\nwithout = ['configuration']\n\
         [[variant]]\nname = 'b'\nwhen = { hw-model = 'B' }\nreporting-level = 'verbose'\n\
         configuration = { handling = 'replace', content = 'b' }\n",
    )
    .unwrap();
    profile.rehearse().unwrap();
    let select = |hw_model: &str, os_version: &str| {
        let (hw_model, os_version) = (Some(hw_model.to_owned()), Some(os_version.to_owned()));
        let selected = profile.select(&BootstrappingRequest { hw_model, os_version, ..Default::default() });
        let content = selected.information.configuration.as_ref().map(|it| it.content.clone());
        assert_eq!(selected.information.post_configuration_script.as_ref().unwrap().0, b"p");
        (selected.variant.map(VariantName::as_str), content, selected.reporting_level)
    };
    assert_eq!(select("A", "1"), (None, Some(b"c".to_vec()), ReportingLevel::Minimal));
    assert_eq!(select("B", "1"), (Some("b"), Some(b"b".to_vec()), ReportingLevel::Verbose));
    assert_eq!(select("B", "2.0"), (Some("new"), None, ReportingLevel::Minimal), "the first one");
}

#[test]
fn srv_06_what_a_variant_cannot_mean_is_refused() {
    let variant = |more: &str| parse(&format!("post-configuration-script = 'x'\n[[variant]]\n{more}\n"));
    variant("name = 'v'\nwhen = { os-name = 'A' }\nreporting-level = 'verbose'").unwrap();
    for (more, said) in [
        ("when = { os-name = 'A' }", "name"),
        ("name = 'v'", "when"),
        ("name = 'v'\nwhen = {}", "for all devices"),
        ("name = 'v'\nwhen = { colour = 'red' }", "colour"),
        ("name = 'v'\nwhen = { os-name = '' }", "1 to 255 octets"),
        ("name = 'a b'\nwhen = { os-name = 'A' }", "variant.name"),
        ("name = 'v'\nwhen = { os-name = 'A' }\nstateless = true", "stateless"),
        ("name = 'v'\nwhen = { os-name = 'A' }\nwithout = ['boot-image']", "which the profile has not"),
        ("name = 'v'\nwhen = { os-name = 'A' }\nwithout = ['colour']", "colour"),
        ("name = 'v'\nwhen = { os-name = 'A' }\nwithout = ['post-configuration-script']", "leaves nothing"),
        ("name = 'v'\nwhen = { os-name = 'A' }\n[[variant]]\nname = 'v'\nwhen = { os-name = 'B' }", "two variants"),
    ] {
        let refused = variant(more).unwrap_err().to_string();
        assert!(refused.contains(said), "{more}: {refused}");
    }
    let many: String = (0..=MAX_VARIANTS)
        .map(|number| format!("[[variant]]\nname = 'v{number}'\nwhen = {{ os-name = 'A' }}\n"))
        .collect();
    let refused = parse(&format!("post-configuration-script = 'x'\n{many}"));
    assert!(matches!(refused, Err(ProfileInvalid::Variants { .. })));
}

#[test]
fn enc_13_encryption_needs_a_signature_and_a_certificate() {
    let encrypted = |more: &str| parse(&format!("encrypt-to-device = true\npost-configuration-script = 'x'\n{more}"));
    assert_eq!(encrypted("").unwrap().encryption, Encryption::ToDevice);
    assert_eq!(encrypted("wire-profile = 'id-data'").unwrap().encryption, Encryption::ToDevice);
    assert!(matches!(encrypted("wire-profile = 'opi-agent'"), Err(ProfileInvalid::EncryptionUnsigned { .. })));
    let basic = encrypted("authentication = 'basic'");
    assert!(matches!(basic, Err(ProfileInvalid::EncryptionWithoutCertificate)));
}

#[test]
fn what_no_document_can_say_is_known_before_a_device_asks() {
    let profile = parse(&format!(
        "post-configuration-script = 'x'\n[[variant]]\nname = 'twice'\nwhen = {{ os-name = 'A' }}\n\
         boot-image = {{ os-name = 'A', os-version = '1', sha256 = '{}', download-uris = ['https://h/i', 'https://h/i'] }}",
        "ab".repeat(32)
    ))
    .unwrap();
    let refused = profile.rehearse().unwrap_err().to_string();
    assert!(refused.contains("twice gives cannot be made") && refused.contains("https://h/i"), "{refused}");
}

#[test]
fn what_dhcp_gives_is_part_of_the_profile() {
    let text = "post-configuration-script = 'x'\n[dhcp4.give]\nboot-file = 'a.efi'\n\
                [[dhcp4.class]]\nname = 'arm'\nwhen = { architecture = [11] }\ngive = { boot-file = 'arm.efi' }\n\
                [dhcp6.give]\nboot-file = 'https://b.example/a.efi'\n";
    let profile = parse(text).unwrap();
    let dhcp = profile.dhcp.as_ref().unwrap();
    assert_eq!((dhcp.v4.classes.len(), dhcp.v4.classes[0].name(), dhcp.v6.classes.len()), (1, "arm", 0));
    assert_eq!(profile.document(), text, "it is shown as it was written");
    assert_eq!(parse("post-configuration-script = 'x'").unwrap().dhcp, None);
}

/// DHC-05: no bootstrap URI with a path or another scheme, in profiles either.
#[test]
fn dhc_05_what_dhcp_cannot_give_is_refused_by_name() {
    for (more, said) in [
        ("[dhcp4.give]\nbootstrap-uris = ['https://a.example/x']", "line 3: https://a.example/x: "),
        ("[dhcp6.give]\nbootstrap-uris = ['http://a.example']", "does not begin with https://"),
        ("[dhcp6.give]\nrouters = ['::1']", "dhcp6: give: routers belongs to the other IP version"),
        (
            "[[dhcp4.class]]\nname = 'c'\ngive = { options = [{ code = 54, hex = '00' }] }",
            "dhcp4: class c: option 54 is the server's own business",
        ),
        ("[dhcp4]\nsubnet = []", "unknown field `subnet`"),
    ] {
        let refused = parse(&format!("post-configuration-script = 'x'\n{more}\n")).unwrap_err().to_string();
        assert!(refused.contains(said), "{more}: {refused}");
    }
    // A profile of devices that are sent elsewhere may say what they boot.
    let redirect = "[[redirect]]\naddress = 'a.example'\n[dhcp4.give]\nboot-file = 'x'";
    assert!(parse(redirect).unwrap().dhcp.is_some());
}

#[test]
fn what_is_wrong_is_said() {
    let impatient = parse("post-configuration-script = 'x'\n[deadlines]\nattempt = 'soon'");
    assert!(impatient.unwrap_err().to_string().contains("deadlines: \"soon\""));
    assert!(parse("colour = 'red'").unwrap_err().to_string().contains("colour"));
    let image = "[boot-image]\nos-name = 'A'\nos-version = '1'\nsha256 = 'zz'\ndownload-uris = ";
    assert!(matches!(parse(&format!("{image}[]")), Err(ProfileInvalid::NoDownloadUri)));
    assert!(matches!(parse(&format!("{image}['https://h/i']")), Err(ProfileInvalid::Sha256)));
}
