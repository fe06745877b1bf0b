//! Forms as engines write them, and as nobody should.

use proptest::prelude::*;

use super::*;

#[test]
fn odd_files_say_nothing_or_what_they_can() {
    for json in [
        "",
        "{",
        "[]",
        "7",
        r#"{"Name":7}"#,
        "\u{0}\u{1}",
        r#"{"annotations":[]}"#,
    ] {
        let docker = docker(json.as_bytes());
        assert!(docker.is_err() || docker.unwrap().name.is_none(), "{json}");
    }
    for json in ["", "{", "[1]", "{\"annotations\":{\"a\":1}}"] {
        assert_eq!(bundle(json.as_bytes(), "containerd"), Err(BROKEN), "{json}");
    }
    for json in ["{}", "[1]", "[{\"id\":1}]"] {
        assert_eq!(stored(json.as_bytes(), "x"), Err(BROKEN), "{json}");
    }
    assert_eq!(stored(b"[]", "x"), Err(Silence::Nothing));
    let empty = docker(br#"{"Name":"","Config":{}}"#).unwrap();
    assert_eq!((empty.name, empty.image), (None, None));
    let odd = stored(br#"[{"id":"x","names":["web"],"metadata":"{"}]"#, "x").unwrap();
    assert_eq!((odd.name.as_deref(), odd.image), (Some("web"), None));
}

#[test]
fn what_only_looks_like_a_kubelets_name_stays_whole() {
    for name in ["k8s_app", "k8s_a_b_c_d", "k8s_a_b_c_d_0_e", "web_a_b_c_d_0"] {
        let names = docker(format!(r#"{{"Name":"/{name}"}}"#).as_bytes()).unwrap();
        assert_eq!(names.name.as_deref(), Some(name));
        assert_eq!(names.pod_name, None);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (docker(&bytes), bundle(&bytes, "x"), stored(&bytes, "x"));
    }
}
