using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CertActors.Reloading;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;

namespace CertActors.Tests.Support;

/// <summary>Loads pairs that were damaged at random in every way, and keeps count of what comes of them.</summary>
internal sealed class Fuzz
{
    private const string CertPath = "/tls.crt";
    private const string KeyPath = "/tls.key";
    private const string PasswordPath = "/password";
    private const string Password = "secret";

    private static readonly DateTimeOffset Now = TestTime.Start.AddYears(5);

    // That it took too long is for the actor to say; the others are those of trust bundles.
    private static readonly RejectionReason[] NotOfPairs =
    [
        RejectionReason.TimedOut, RejectionReason.NotAuthority, RejectionReason.RevocationListMalformed, RejectionReason.RevocationListUnsupported,
        RejectionReason.RevocationListNotSigned, RejectionReason.NotTrusted, RejectionReason.Vetoed, RejectionReason.ExpiresTooSoon,
    ];

    private readonly Random _random;
    private readonly Sample[] _samples;
    private readonly LoadedPair _served;
    private readonly Damage _damage;

    public Fuzz(int seed)
    {
        _random = new Random(seed);
        _damage = new Damage(_random, () => Any().Certificate);
        var good = new TestLeaf { NotBefore = Now.AddDays(-1), NotAfter = Now.AddDays(90), Names = ["a.example.org"] };
        _served = ((Verdict.Accepted)Load(FilesOf(Sample.Of(good.Make())), OptionsOf(isOneFile: false, hasPassword: false), served: null)).Pair;
        _samples = [.. Samples(good)];
    }

    /// <summary>The files of a pair, and whether something is served while they are loaded.</summary>
    private sealed record Sample(byte[] Certificate, byte[] Key, byte[]? Password = null, bool IsOneFile = false)
    {
        public static Sample Of(TestPair pair) => new(Encoding.ASCII.GetBytes(pair.CertificatePem), Encoding.ASCII.GetBytes(pair.KeyPem));

        public static Sample Of(byte[] pkcs12, string? password = Fuzz.Password) =>
            new(pkcs12, pkcs12, password is null ? null : Encoding.ASCII.GetBytes(password), IsOneFile: true);
    }

    public long Inputs { get; private set; }

    public long Accepted { get; private set; }

    public SortedDictionary<RejectionReason, long> Rejected { get; } = [];

    public TimeSpan Slowest { get; private set; }

    /// <summary>The most bytes that one load has allocated.</summary>
    public long Largest { get; private set; }

    /// <summary>The reasons that a load may give, and hasn't yet.</summary>
    public IEnumerable<RejectionReason> NotHit => Enum.GetValues<RejectionReason>().Except(Rejected.Keys).Except(NotOfPairs);

    public void Run(long inputs)
    {
        for (var i = 0; i < inputs; i++)
        {
            var sample = _random.Next(4) == 0 ? Any() : Damage(Any());
            var served = _random.Next(2) == 0 ? _served : null;
            var (started, allocated) = (Stopwatch.GetTimestamp(), GC.GetAllocatedBytesForCurrentThread());
            var verdict = Load(sample, served);
            Largest = Math.Max(Largest, GC.GetAllocatedBytesForCurrentThread() - allocated);
            Slowest = TimeSpan.FromTicks(Math.Max(Slowest.Ticks, Stopwatch.GetElapsedTime(started).Ticks));
            Note(verdict);
            if (i % 10 == 0)
                Check(sample);
        }
    }

    /// <summary>The check comes to the same judgement as a load with nothing served, but for the names that it demands.</summary>
    private static void Check(Sample sample)
    {
        var (files, options) = (FilesOf(sample), OptionsOf(sample.IsOneFile, sample.Password is not null));
        var verdict = Load(files, options, served: null);
        var report = CertificateCheck.Run(files, options, Now);
        (verdict as Verdict.Accepted)?.Pair.Dispose();
        var expected = (verdict as Verdict.Rejected)?.Reason;
        if (report.Reason != expected && (expected, report.Reason) != (null, RejectionReason.NameLost))
            throw new InvalidOperationException($"The load says {expected}, and the check {report.Reason}.");
    }

    private void Note(Verdict verdict)
    {
        Inputs++;
        switch (verdict)
        {
            case Verdict.Rejected rejected:
                Rejected[rejected.Reason] = Rejected.GetValueOrDefault(rejected.Reason) + 1;
                break;
            case Verdict.Accepted accepted:
                Accepted++;
                accepted.Pair.Dispose();
                break;
            default:
                throw new InvalidOperationException("What was never served can't be what is served.");
        }
    }

    private Verdict Load(Sample sample, LoadedPair? served)
    {
        var files = FilesOf(sample);

        // What disks do, and not the bytes.
        switch (_random.Next(400))
        {
            case 0:
                files.Delete(CertPath);
                break;
            case 1:
                files.Delete(CertPath);
                files.MakePipe(CertPath);
                break;
            case 2:
                var writes = 0;
                files.AfterRead = path => files.Write(path, [.. sample.Certificate, .. new byte[++writes]]);
                break;
        }

        return Load(files, OptionsOf(sample.IsOneFile, sample.Password is not null), served);
    }

    private static Verdict Load(MemoryFiles files, CertificateOptions options, LoadedPair? served) =>
        KeyPairLoader.Load(files, options, served, isAccepted: true, servedTags: null, trust: () => null, () => Now).Verdict;

    private static MemoryFiles FilesOf(Sample sample)
    {
        var files = new MemoryFiles();
        files.Write(CertPath, sample.Certificate);
        if (!sample.IsOneFile)
            files.Write(KeyPath, sample.Key);
        if (sample.Password is not null)
            files.Write(PasswordPath, sample.Password);
        return files;
    }

    private static CertificateOptions OptionsOf(bool isOneFile, bool hasPassword) => new()
    {
        CertificatePath = CertPath,
        KeyPath = isOneFile ? CertPath : KeyPath,
        PasswordPath = hasPassword ? PasswordPath : null,
        RequiredNames = ["a.example.org"],
        AllowedExpirySetback = TimeSpan.FromDays(10),
    };

    private static IEnumerable<Sample> Samples(TestLeaf good)
    {
        var issuer = new TestAuthority("issuer", new TestAuthority("root"));
        var chained = (good with { Issuer = issuer }).Make();
        var rsa = (good with { RsaBits = 2048 }).Make();
        var pair = good.Make();
        yield return Sample.Of(pair);
        yield return Sample.Of(rsa);
        yield return Sample.Of(chained with { CertificatePem = issuer.CertificatePem + chained.CertificatePem });
        yield return Sample.Of((good with { Curve = ECCurve.NamedCurves.nistP521 }).Make());
        yield return Sample.Of(pair.ToPkcs12(Password));
        yield return Sample.Of(chained.ToPkcs12(Password, iterations: 2, issuer.CertificatePem));
        yield return Sample.Of(rsa.ToPkcs12(password: null), password: null);
        yield return Encrypted(pair, iterations: 3);
        yield return Encrypted(pair, iterations: 3) with { Password = "wrong"u8.ToArray() };
        yield return Sample.Of(Der.WithIntegers(pair.ToPkcs12(Password, iterations: 1000), from: 1000, to: 2_000_000));
        yield return Sample.Of(Fixtures.Ed25519Pkcs12);
        yield return Sample.Of(new TestPair(Fixtures.Ed25519Certificate, Fixtures.Ed25519Key, ""));
        yield return Sample.Of(pair with { KeyPem = rsa.KeyPem });
        yield return Sample.Of(pair with { CertificatePem = pair.CertificatePem.Replace(" CERTIFICATE", " TRUSTED CERTIFICATE", StringComparison.Ordinal) });
        yield return Sample.Of((good with { RsaBits = 1024 }).Make());
        yield return Sample.Of((good with { Purposes = ["1.3.6.1.5.5.7.3.2"] }).Make());
        yield return Sample.Of((good with { NotAfter = Now.AddHours(-1) }).Make());
        yield return Sample.Of((good with { NotBefore = Now.AddHours(1) }).Make());
        yield return Sample.Of((good with { NotAfter = Now.AddDays(1) }).Make());
        yield return Sample.Of((good with { Names = ["b.example.org"] }).Make());
        yield return Sample.Of((good with { Usage = X509KeyUsageFlags.CrlSign }).Make());
        yield return Sample.Of((good with { IsAuthority = true, Usage = X509KeyUsageFlags.KeyCertSign }).Make());
        var shortPath = new TestAuthority("short", new TestAuthority("root"), pathLength: 0);
        foreach (var faulty in (TestAuthority[])[
            new("past", shortPath, notAfter: Now.AddDays(-1)),
            new("soon", shortPath, notBefore: Now.AddDays(1)),
            new("none", shortPath, isAuthority: false),
            new("lower", shortPath)])
        {
            var leaf = (good with { Issuer = faulty }).Make();
            yield return Sample.Of(leaf with { CertificatePem = leaf.CertificatePem + faulty.CertificatePem + shortPath.CertificatePem });
        }

        yield return Sample.Of(chained with { CertificatePem = chained.CertificatePem + new TestAuthority("issuer", shortPath).CertificatePem });

        static Sample Encrypted(TestPair pair, int iterations)
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(pair.KeyPem);
            var pem = key.ExportEncryptedPkcs8PrivateKeyPem(Password, new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, iterations));
            return Sample.Of(pair with { KeyPem = pem }) with { Password = Encoding.ASCII.GetBytes(Password + "\n") };
        }
    }

    private Sample Any() => _samples[_random.Next(_samples.Length)];

    private Sample Damage(Sample sample) => _random.Next(6) switch
    {
        0 when sample.Password is not null => sample with { Password = _damage.Of(sample.Password) },
        0 => sample with { Key = Any().Key },
        1 or 2 => sample with { Key = _damage.Of(sample.Key) },
        _ => sample with { Certificate = _damage.Of(sample.Certificate) },
    };
}
