using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CertActors.Reloading;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Which files make a pair.</summary>
public sealed class FormatSpec
{
    private const string CertPath = "/certs/tls.crt";
    private const string KeyPath = "/certs/tls.key";
    private const string PasswordPath = "/certs/password";
    private const string Secret = "correct horse";

    private readonly MemoryFiles _files = new();

    public static TheoryData<string> Keys =>
        ["RSA PKCS#8", "RSA PKCS#1", "P-256 PKCS#8", "P-256 SEC1", "P-384 PKCS#8", "P-384 SEC1", "P-521 PKCS#8", "P-521 SEC1"];

    [Theory]
    [MemberData(nameof(Keys))]
    public void Keys_of_every_form_are_accepted(string form)
    {
        var pair = PairWith(form);

        using var loaded = Accepted(pair.CertificatePem, pair.KeyPem);

        Assert.True(loaded.Leaf.HasPrivateKey);
        Assert.Equal(pair.Sha256, loaded.Facts.Sha256);
    }

    [Fact]
    public void The_check_accepts_a_leaf_with_a_hybrid_point_as_a_load_does()
    {
        // OpenSSL takes the hybrid form of a point (X9.62, 4.3.6), which .NET's own decoder refuses.
        var pair = TestPair.Make();
        var leaf = PemEncoding.Find(pair.CertificatePem) is var pem ? Convert.FromBase64String(pair.CertificatePem[pem.Base64Data]) : [];
        var point = leaf.AsSpan().IndexOf<byte>([0x03, 0x42, 0x00, 0x04]) + 3;
        leaf[point] = (byte)(0x06 | (leaf[point + 64] & 1));
        var hybrid = PemEncoding.WriteString("CERTIFICATE", leaf);

        using var loaded = Accepted(hybrid, pair.KeyPem);
        var report = CertificateCheck.Run(_files, new CertificateOptions { CertificatePath = CertPath, KeyPath = KeyPath }, TestTime.Start);

        Assert.Equal((null, "ECDSA P-256"), (report.Reason, report.Key));
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_truncated_key_is_rejected(string form)
    {
        var pair = PairWith(form);
        for (var length = 1; length < pair.KeyPem.TrimEnd().Length; length += 7)
        {
            Assert.Equal(
                RejectionReason.KeyMalformed,
                Rejected(pair.CertificatePem, pair.KeyPem[..length]).Reason);
        }
    }

    [Theory]
    [InlineData("root, first, second, leaf")]
    [InlineData("second, leaf, first")]
    [InlineData("leaf, stranger, first, second, root, leaf")]
    public void The_leaf_is_the_one_that_has_the_key_and_its_chain_is_sent_in_the_order_of_issue(string order)
    {
        var root = new TestAuthority("root");
        var first = new TestAuthority("first", root);
        var second = new TestAuthority("second", first);
        var leaf = new TestLeaf { Issuer = second }.Make();
        var file = string.Concat(order.Split(", ").Select(name => name switch
        {
            "root" => root.CertificatePem,
            "first" => first.CertificatePem,
            "second" => second.CertificatePem,
            "stranger" => new TestAuthority("stranger", new TestAuthority("nobody")).CertificatePem,
            _ => leaf.CertificatePem,
        }));

        using var loaded = Accepted(file, leaf.KeyPem);

        Assert.Equal(leaf.Sha256, loaded.Facts.Sha256);
        Assert.Equal(["CN=second", "CN=first"], loaded.Intermediates.Select(certificate => certificate.Subject));
        Assert.Equal(["CN=second", "CN=first"], loaded.Context.IntermediateCertificates.Select(certificate => certificate.Subject));
    }

    [Fact]
    public void Of_two_issuers_of_one_name_the_one_that_has_signed_is_sent()
    {
        var root = new TestAuthority("root");
        var (old, next) = (new TestAuthority("issuer", root), new TestAuthority("issuer", root));
        var leaf = new TestLeaf { Issuer = next }.Make();

        using var loaded = Accepted(leaf.CertificatePem + old.CertificatePem + next.CertificatePem, leaf.KeyPem);

        Assert.Equal(next.CertificatePem.Trim(), Assert.Single(loaded.Intermediates).ExportCertificatePem());
    }

    [Fact]
    public void A_chain_without_end_is_rejected()
    {
        var authority = new TestAuthority("0");
        var file = new StringBuilder();
        for (var i = 1; i <= 40; i++)
        {
            authority = new TestAuthority($"{i}", authority);
            file.Append(authority.CertificatePem);
        }

        var leaf = new TestLeaf { Issuer = authority }.Make();
        Assert.Equal(RejectionReason.CertificateMalformed, Rejected(leaf.CertificatePem + file, leaf.KeyPem).Reason);
    }

    [Fact]
    public void A_truncated_intermediate_is_rejected_and_not_left_out()
    {
        var leaf = TestPair.Make();
        var intermediate = new TestAuthority("issuer").CertificatePem;
        for (var length = "-----BEGIN ".Length; length < intermediate.TrimEnd().Length; length += 7)
        {
            Assert.Equal(
                RejectionReason.CertificateMalformed,
                Rejected(leaf.CertificatePem + "\n" + intermediate[..length], leaf.KeyPem).Reason);
        }
    }

    [Fact]
    public void One_file_may_hold_both()
    {
        var pair = TestPair.Make();
        _files.Write(CertPath, pair.KeyPem + "\n" + pair.CertificatePem);

        using var loaded = Accepted(Load(Options with { KeyPath = CertPath }));

        Assert.Equal(pair.Sha256, loaded.Facts.Sha256);
    }

    [Theory]
    [InlineData("EC PARAMETERS")]
    [InlineData("DH PARAMETERS")]
    public void Parameters_beside_a_key_are_ignored(string label)
    {
        var pair = PairWith("P-256 SEC1");

        using var loaded = Accepted(pair.CertificatePem, $"-----BEGIN {label}-----\nBggqhkjOPQMBBw==\n-----END {label}-----\n" + pair.KeyPem);

        Assert.True(loaded.Leaf.HasPrivateKey);
    }

    [Fact]
    public void Text_around_blocks_other_line_breaks_and_a_byte_order_mark_are_ignored()
    {
        var pair = TestPair.Make();
        var text = "Bag Attributes\n    friendlyName: \u00e4\nsubject=CN = test\n";

        using var loaded = Accepted(
            "\ufeff" + (text + pair.CertificatePem + text).ReplaceLineEndings("\r\n"), "\ufeff" + pair.KeyPem.ReplaceLineEndings("\r\n") + text);

        Assert.Equal(pair.Sha256, loaded.Facts.Sha256);
    }

    [Theory]
    [InlineData("TRUSTED CERTIFICATE")]
    [InlineData("X509 CRL")]
    [InlineData("PUBLIC KEY")]
    [InlineData("OPENSSH PRIVATE KEY")]
    public void Unsupported_blocks_are_rejected_by_name(string label)
    {
        var pair = TestPair.Make();
        var block = PemEncoding.WriteString(label, [1, 2, 3]);
        foreach (var rejected in (Verdict.Rejected[])[Rejected(pair.CertificatePem + block, pair.KeyPem), Rejected(pair.CertificatePem, block + "\n" + pair.KeyPem)])
        {
            Assert.Equal(RejectionReason.BlockUnsupported, rejected.Reason);
            Assert.Contains($"'{label}'", rejected.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_key_of_another_certificate_is_rejected()
    {
        var pair = TestPair.Make();
        Assert.Equal(RejectionReason.KeyMismatch, Rejected(pair.CertificatePem, TestPair.Make().KeyPem).Reason);
        Assert.Equal(RejectionReason.KeyMismatch, Rejected(pair.CertificatePem, PairWith("RSA PKCS#1").KeyPem).Reason);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")]
    [InlineData("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----")]
    [InlineData("\0\0\0\0")]
    public void What_holds_no_certificate_is_rejected(string text) =>
        Assert.Equal(RejectionReason.CertificateMalformed, Rejected(text, TestPair.Make().KeyPem).Reason);

    [Theory]
    [InlineData("garbage")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")]
    [InlineData("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----")]
    public void What_holds_no_key_is_rejected(string text) =>
        Assert.Equal(RejectionReason.KeyMalformed, Rejected(TestPair.Make().CertificatePem, text).Reason);

    [Fact]
    public void A_key_on_a_curve_that_the_platform_lacks_is_rejected()
    {
        // PKCS#8 of an EC key on the curve 1.2.3.4.5, with a private key of one byte.
        byte[] key = [0x30, 0x1e, 2, 1, 0, 0x30, 0x0f, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 4, 0x2a, 3, 4, 5, 4, 8, 0x30, 6, 2, 1, 1, 4, 1, 1];
        Assert.Equal(
            RejectionReason.KeyMalformed,
            Rejected(TestPair.Make().CertificatePem, PemEncoding.WriteString("PRIVATE KEY", key)).Reason);
    }

    [Fact]
    public void A_key_that_its_certificate_leaves_for_key_agreement_is_its_own_and_rejected_for_its_usage()
    {
        var pair = new TestLeaf { Issuer = new TestAuthority("issuer"), Usage = X509KeyUsageFlags.KeyAgreement }.Make();
        Assert.Equal(RejectionReason.KeyUsageExcluded, Rejected(pair.CertificatePem, pair.KeyPem).Reason);
        Assert.Equal(RejectionReason.KeyUsageExcluded, Rejected(Load(pair.ToPkcs12("secret"), "secret")).Reason);
        Assert.Equal(RejectionReason.KeyMismatch, Rejected(pair.CertificatePem, TestPair.Make().KeyPem).Reason);
    }

    [Fact]
    public void A_key_that_is_not_for_TLS_in_dotnet_is_rejected_by_name()
    {
        AssertUnsupported("Ed25519", Rejected(Fixtures.Ed25519Certificate, Fixtures.Ed25519Key));
        AssertUnsupported("Ed25519", Rejected(Load(Fixtures.Ed25519Pkcs12, "secret")));
        AssertUnsupported("openssl pkcs8 -topk8", Rejected(TestPair.Make().CertificatePem, Fixtures.OldEncryptedKey));

        using var koblitz = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10"));
        AssertUnsupported("secp256k1", Rejected(TestPair.Make().CertificatePem, koblitz.ExportPkcs8PrivateKeyPem()));

        static void AssertUnsupported(string what, Verdict.Rejected rejected)
        {
            Assert.Equal(RejectionReason.KeyUnsupported, rejected.Reason);
            Assert.Contains(what, rejected.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("")]
    public void An_encrypted_key_is_opened_with_the_password_without_its_line_break(string lineBreak)
    {
        foreach (var form in (string[])["RSA PKCS#8", "P-256 PKCS#8"])
        {
            var pair = PairWith(form);
            using var loaded = Accepted(Load(pair.CertificatePem, Encrypted(pair, iterations: 10), Secret + lineBreak));
            Assert.Equal(pair.Sha256, loaded.Facts.Sha256);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("wrong")]
    [InlineData("")]
    [InlineData(Secret + "\n\n")]
    public void A_wrong_password_is_rejected(string? password)
    {
        var pair = TestPair.Make();
        Assert.Equal(RejectionReason.PasswordWrong, Rejected(Load(pair.CertificatePem, Encrypted(pair, iterations: 10), password)).Reason);
        Assert.Equal(RejectionReason.PasswordWrong, Rejected(Load(pair.ToPkcs12(Secret), password)).Reason);
    }

    [Fact]
    public void A_password_that_is_not_UTF8_is_rejected()
    {
        var pair = TestPair.Make();
        _files.Write(CertPath, pair.CertificatePem);
        _files.Write(KeyPath, Encrypted(pair, iterations: 10));
        _files.Write(PasswordPath, [0xff, 0xfe, 0xff]);
        Assert.Equal(RejectionReason.PasswordWrong, Rejected(Load(Options with { PasswordPath = PasswordPath })).Reason);
    }

    [Fact]
    public void A_pair_in_PKCS12_is_recognized_by_its_content()
    {
        var issuer = new TestAuthority("issuer", new TestAuthority("root"));
        foreach (var leaf in (TestPair[])[new TestLeaf { Issuer = issuer }.Make(), new TestLeaf { Issuer = issuer, RsaBits = 2048 }.Make()])
        {
            using var loaded = Accepted(Load(leaf.ToPkcs12(Secret, iterations: 10, issuer.CertificatePem), Secret + "\n"));
            Assert.Equal(leaf.Sha256, loaded.Facts.Sha256);
            Assert.True(loaded.Leaf.HasPrivateKey);
            Assert.Equal("CN=issuer", Assert.Single(loaded.Intermediates).Subject);
        }

        using var open = Accepted(Load(TestPair.Make().ToPkcs12(password: null), password: null));
    }

    [Fact]
    public void A_damaged_PKCS12_file_is_rejected()
    {
        var file = TestPair.Make().ToPkcs12(Secret);
        for (var length = 10; length < file.Length; length += 50)
            Assert.Equal(RejectionReason.CertificateMalformed, Rejected(Load(file[..length], Secret)).Reason);
    }

    [Theory]
    [InlineData(1_000_001)]
    [InlineData(20_000_000)]
    [InlineData(int.MaxValue)]
    public void Costly_derivations_are_refused_before_they_begin(int iterations)
    {
        var pair = TestPair.Make();
        var key = Der.InPem(Encrypted(pair, iterations: 1_000), der => Der.WithIntegers(der, from: 1_000, to: iterations));
        Assert.Equal(RejectionReason.KeyDerivationTooCostly, Rejected(Load(pair.CertificatePem, key, Secret)).Reason);

        var pfx = Der.WithIntegers(pair.ToPkcs12(Secret, iterations: 1_000), from: 1_000, to: iterations);
        Assert.Equal(RejectionReason.KeyDerivationTooCostly, Rejected(Load(pfx, Secret)).Reason);
    }

    [Fact]
    public void The_derivations_of_a_file_count_together()
    {
        // One for the integrity of it, one for the certificates, and one for the key.
        var pair = TestPair.Make();
        Assert.Equal(RejectionReason.KeyDerivationTooCostly, Rejected(Load(pair.ToPkcs12(Secret, iterations: 350_000), Secret)).Reason);
        using var loaded = Accepted(Load(pair.ToPkcs12(Secret, iterations: 300_000), Secret));

        // An encrypted key does not reveal its type: each type that the certificates have is tried.
        var (other, key) = (PairWith("RSA PKCS#8").CertificatePem, Encrypted(pair, iterations: 500_001));
        Assert.Equal(RejectionReason.KeyDerivationTooCostly, Rejected(Load(other + pair.CertificatePem, key, Secret)).Reason);
        using var leafFirst = Accepted(Load(pair.CertificatePem + other, key, Secret));
    }

    [Theory]
    [InlineData("-----BEGIN A-----\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n")]
    [InlineData("-----BEGIN ")]
    [InlineData("-")]
    public void A_megabyte_of_beginnings_without_an_end_is_rejected_at_the_first(string beginning)
    {
        var file = string.Concat(Enumerable.Repeat(beginning, (1 << 20) / beginning.Length));
        Assert.Equal(RejectionReason.CertificateMalformed, Rejected(file, file).Reason);
    }

    [Fact]
    public void A_path_that_is_no_file_s_is_rejected() =>
        Assert.Equal(RejectionReason.FileUnreadable, Rejected(Load(Options with { CertificatePath = "/", KeyPath = "/.." })).Reason);

    [Fact]
    public void A_key_of_absurd_size_is_rejected_before_it_is_imported()
    {
        var key = new AsnWriter(AsnEncodingRules.DER);
        using (key.PushSequence())
        {
            key.WriteInteger(0);
            for (var part = 0; part < 8; part++)
                key.WriteInteger(System.Numerics.BigInteger.One << 500_000);
        }

        var rejected = Rejected(TestPair.Make().CertificatePem, PemEncoding.WriteString("RSA PRIVATE KEY", key.Encode()));
        Assert.Equal(RejectionReason.KeyUnsupported, rejected.Reason);
    }

    private static CertificateOptions Options { get; } = new() { CertificatePath = CertPath, KeyPath = KeyPath };

    private static TestPair PairWith(string form)
    {
        if (form.StartsWith("RSA", StringComparison.Ordinal))
            return TestPair.MakeRsa(key => form.EndsWith('1') ? key.ExportRSAPrivateKeyPem() : key.ExportPkcs8PrivateKeyPem());
        using var key = ECDsa.Create(ECCurve.CreateFromFriendlyName("nist" + form[..5].Replace("-", "", StringComparison.Ordinal)));
        return new TestLeaf().Make(key) with { KeyPem = form.EndsWith("SEC1", StringComparison.Ordinal) ? key.ExportECPrivateKeyPem() : key.ExportPkcs8PrivateKeyPem() };
    }

    private static string Encrypted(TestPair pair, int iterations)
    {
        using var leaf = X509Certificate2.CreateFromPem(pair.CertificatePem, pair.KeyPem);
        using var key = (AsymmetricAlgorithm?)leaf.GetRSAPrivateKey() ?? leaf.GetECDsaPrivateKey()!;
        return key.ExportEncryptedPkcs8PrivateKeyPem(Secret, new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, iterations));
    }

    private LoadedPair Accepted(string certificate, string key) => Accepted(Load(certificate, key));

    private Verdict.Rejected Rejected(string certificate, string key) => Rejected(Load(certificate, key));

    private static LoadedPair Accepted(Verdict verdict) => Assert.IsType<Verdict.Accepted>(verdict).Pair;

    private static Verdict.Rejected Rejected(Verdict verdict) => Assert.IsType<Verdict.Rejected>(verdict);

    private Verdict Load(string certificate, string key, string? password = null)
    {
        _files.Write(CertPath, certificate);
        _files.Write(KeyPath, key);
        return Load(Options with { PasswordPath = Write(password) });
    }

    private Verdict Load(byte[] pkcs12, string? password)
    {
        _files.Write(CertPath, pkcs12);
        return Load(Options with { KeyPath = CertPath, PasswordPath = Write(password) });
    }

    private string? Write(string? password)
    {
        if (password is null)
            return null;
        _files.Write(PasswordPath, password + (password.Length == 0 ? "\n" : ""));
        return PasswordPath;
    }

    private Verdict Load(CertificateOptions options) => KeyPairLoader.Load(_files, options, served: null, isAccepted: true, servedTags: null, trust: () => null, () => TestTime.Start.AddYears(1)).Verdict;
}
