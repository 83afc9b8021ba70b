namespace CertActors.Tests.Support;

/// <summary>Files that .NET can't make: written by OpenSSL 3.</summary>
internal static class Fixtures
{
    public const string Ed25519Certificate =
        """
        -----BEGIN CERTIFICATE-----
        MIIBMjCB5aADAgECAhQH/IV1+kZT5F365DvLvl1dzoO0zzAFBgMrZXAwDzENMAsG
        A1UEAwwEdGVzdDAeFw0yNjExMjQyMDU4MTRaFw0zNjExMjEyMDU4MTRaMA8xDTAL
        BgNVBAMMBHRlc3QwKjAFBgMrZXADIQAI39IKNW4Wuk8ddbAdLw9ufx8GBRQjZEAa
        H1iJjoc/HqNTMFEwHQYDVR0OBBYEFL3zBAJ2MiUv/P9JMOxiaThxRKW4MB8GA1Ud
        IwQYMBaAFL3zBAJ2MiUv/P9JMOxiaThxRKW4MA8GA1UdEwEB/wQFMAMBAf8wBQYD
        K2VwA0EAn+1bkvqZvoiuYPtA9+FFXytFPlNiIqViPLjeT8LUPOn1EEmqfMK2tPlJ
        H4jE/Ct2FB7nrR65DGuihgy9JERGCw==
        -----END CERTIFICATE-----
        """;

    public const string Ed25519Key =
        """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIHtGAbpVRzEp9xwiKX4vzBjA05lKV5ftD928sun96Zpj
        -----END PRIVATE KEY-----
        """;

    /// <summary>A key that is encrypted in OpenSSL's own old format, which has headers.</summary>
    public const string OldEncryptedKey =
        """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,A219459E6E744A403CD31D130FA9CAA9

        9YPp25QtkpXUwzn3idqyaLX5X4k5z+XfUjdugEvlcJp6OTw8KKQeBWyGN4OawPmZ
        KUoMXjPbXADTw9nz5xownZAtlAiGad3W4gtPaHhEieE8JfFg4NewWbQRopKkPgmI
        16/CzQy1fWMZhCY3sNoTwZvIIE6sqPYAn+AOpf5PtHs=
        -----END EC PRIVATE KEY-----
        """;

    /// <summary>Of the Ed25519 pair, with the password <c>secret</c>.</summary>
    public static readonly byte[] Ed25519Pkcs12 = Convert.FromBase64String(
        """
        MIIDYAIBAzCCAxoGCSqGSIb3DQEHAaCCAwsEggMHMIIDAzCCAhEGCSqGSIb3DQEHBqCCAgIwggH+AgEAMIIB9wYJKoZIhvcNAQcB
        MFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAhEoTw+28Q2IQIBATAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQdbqx
        oFjT2PBF9jshYCOwu4CCAZDeoxV/3F6nOVxQqZ1Vebbf3HqQ78Zr4l1j9KPANgw5p+qCNBhqePD6wOnM8Dwj935JesJ7TUzJqyFx
        dcERz39hARlrHmcSOapsFK5YG67FDS2Mb3t04bL3jlZiN7PZuSlqru8Swf3fj3oz7kg2rC8au44gpkbF9AsvPhaKOiIfDm+nPo7r
        ygCjB9wyCuW0Pdoov1KCqJCwSS2NYN61AWpGpZyLAujgD8CDf/UcLZT3XB3YnYDybJDfJ1zkcuDUibGZ+AkKvK/A+7g2X+bGtPEh
        5ki204J8eIzNLjdAG8zLBjxb574sUoZ+y8gtUGzkIp0mVgdSX9RBD2Biywom8s5acXLRrHWL8K2FUtah98nePu+BFiOuYuXlBZ39
        jFhFqSSbecXs9wsJz2mRMfuaBqj9HaGdejoXYy7bhbDB8ObM2b+DJDbcC6CoQoGLoqzin5zBvCNO81nQXGBDMuylrluO4MNW/GUu
        Z9+k8b82VNvxJLlH1w3BHaJ98yPTvhu6ZElXCt3g/2Z5nYMDan0myAYrMIHrBgkqhkiG9w0BBwGggd0EgdowgdcwgdQGCyqGSIb3
        DQEMCgECoIGdMIGaMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAhU3vnZ/ZiZ7QIBATAMBggqhkiG9w0CCQUAMB0GCWCG
        SAFlAwQBKgQQE3UteoI8A4Zpjj2ZUmAclARAGf2t+Nqydt7DCEmHMmfCSuO3yRDDS5syh85o/5WphzhLQRKT+dTieJ7AT3tHcrCU
        jVmtJV5NX2JXOJJVtmc51TElMCMGCSqGSIb3DQEJFTEWBBS7xZwFJki0uBc7IEWPeKgSzpE2CDA9MDEwDQYJYIZIAWUDBAIBBQAE
        INb9OoVklONTc/Ri8wMRuuABA7xpT1vdXp/KjUiOOgCdBAiQKRYO/+vtVA==
        """);
}
