//! What a browser says it is, in the words that people have for their devices.

/// Sign in the `User-Agent`, and what people call it; of several that fit the first, for browsers claim to be others.
type Names = [(&'static str, &'static str)];

const MACHINES: &Names = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

const BROWSERS: &Names = &[
    ("Line/", "LINE"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// `Windows・Edge`; empty where neither is known. Nothing else of the text is kept: it may tell people apart.
pub(crate) fn named(user_agent: &str) -> String {
    let name = |names: &Names| names.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name);
    let known: Vec<&str> = [name(MACHINES), name(BROWSERS)].into_iter().flatten().collect();
    known.join("・")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_what_people_call_it() {
        for (agent, wanted) in [
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "Android・Chrome",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "iPhone・Safari",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Windows・Edge",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chromebook・Chrome",
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0", "Mac・Firefox"),
            ("curl/8.14.1", ""),
        ] {
            assert_eq!(named(agent), wanted, "{agent}");
        }
    }
}
