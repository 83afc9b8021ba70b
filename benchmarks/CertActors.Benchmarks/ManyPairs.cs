using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Tests.Support;

namespace CertActors.Benchmarks;

/// <summary>Thousands of pairs, each in a directory of its own, under a temporary directory.</summary>
internal sealed class ManyPairs : IDisposable
{
    // To make a certificate takes longer than everything else here: the pairs take turns with these.
    private const int Contents = 16;

    private const int RsaBits = 2048;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-benchmark-");
    private readonly TestPair[] _contents;
    private readonly int[] _current;

    public ManyPairs(int count, bool isRsa = false)
    {
        var now = DateTimeOffset.UtcNow;
        var leaf = new TestLeaf { NotBefore = now.AddDays(-1), NotAfter = now.AddDays(1), RsaBits = isRsa ? RsaBits : null };
        _contents = [.. Enumerable.Range(0, Contents).Select(_ => leaf.Make())];
        _current = new int[count];
        Options = [.. Enumerable.Range(0, count).Select(OptionsOf)];
        for (var pair = 0; pair < count; pair++)
        {
            _current[pair] = pair % Contents;
            Directory.CreateDirectory(Path.GetDirectoryName(Options[pair].CertificatePath)!);
            Write(pair);
            File.SetUnixFileMode(Options[pair].KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    public IReadOnlyList<CertificateOptions> Options { get; }

    /// <summary>Rewrites both files of a pair with other contents.</summary>
    public void Rotate(int pair)
    {
        _current[pair] = (_current[pair] + 1) % Contents;
        Write(pair);
    }

    public string ExpectedSha256(int pair) => _contents[_current[pair]].Sha256;

    /// <summary>Prepares the first pairs for handshakes without this library, and keeps them until all are prepared.</summary>
    /// <returns>How many there were.</returns>
    public int PrepareByDotNet(int count)
    {
        var contexts = new List<SslStreamCertificateContext>(count);
        foreach (var pair in Options.Take(count))
        {
            var leaf = X509Certificate2.CreateFromPem(File.ReadAllText(pair.CertificatePath), File.ReadAllText(pair.KeyPath));
            contexts.Add(SslStreamCertificateContext.Create(leaf, additionalCertificates: null, offline: true));
        }

        foreach (var context in contexts)
            context.TargetCertificate.Dispose();
        return contexts.Count;
    }

    public void Dispose() => _root.Delete(recursive: true);

    private void Write(int pair)
    {
        var content = _contents[_current[pair]];
        File.WriteAllText(Options[pair].CertificatePath, content.CertificatePem);
        File.WriteAllText(Options[pair].KeyPath, content.KeyPem);
    }

    private CertificateOptions OptionsOf(int pair)
    {
        var directory = Path.Combine(_root.FullName, $"pair-{pair:00000}");
        return new CertificateOptions
        {
            Name = $"{pair:00000}",
            CertificatePath = Path.Combine(directory, "tls.crt"),
            KeyPath = Path.Combine(directory, "tls.key"),
            ServerNames = [$"pair-{pair:00000}.example.org"], // The contents have the same names.
        };
    }
}
