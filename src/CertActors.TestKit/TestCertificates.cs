using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Holding;
using CertActors.Reloading;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors.TestKit;

/// <summary>
/// Serves certificates and trust bundles from a <see cref="CertificateHolder"/> in a test, without files and actors. It owns the holder in the place of a
/// <see cref="CertificateSupervisor"/>, and swaps when the test says so.
/// </summary>
/// <remarks>
/// Nothing is judged: an expired certificate is served, too. All members may be called from any thread. What subscribers of a supervisor get is
/// returned by <see cref="Serve"/> and <see cref="Trust"/>, so that a test can send it to them.
/// </remarks>
/// <example><code>
/// using var certificates = new TestCertificates();
/// certificates.Serve(TestCertificates.SelfSigned("localhost"));
/// var first = certificates.Holder.Current!;
/// certificates.Serve(TestCertificates.SelfSigned("localhost"));   // a rotation
/// Assert.Equal(2, certificates.Holder.Current!.Generation);
/// Assert.True(first.Superseded.IsCancellationRequested);
/// </code></example>
public sealed class TestCertificates : IDisposable
{
    private const string DefaultPair = "default";

    private readonly TestOwner _owner = new();
    private readonly Lock _lock = new();
    private readonly List<CertificateOptions> _pairs = [PairOf(DefaultPair)];
    private readonly List<string> _bundles = [];
    private IReadOnlyList<CertificateCell> _cells = [];

    /// <summary>Takes a holder.</summary>
    /// <param name="holder">The holder; null for a new one.</param>
    /// <exception cref="CertificateHolderInUseException">A running supervisor, or other test certificates, own the holder.</exception>
    public TestCertificates(CertificateHolder? holder = null)
    {
        Holder = holder ?? new CertificateHolder();
        Claim();
    }

    /// <summary>What the handshakes under test read.</summary>
    public CertificateHolder Holder { get; }

    /// <summary>Creates a certificate for tests: self-signed, on ECDSA P-256, for servers and clients, valid from a day ago for 30 days.</summary>
    /// <param name="names">Its DNS names and IP addresses; <c>localhost</c> if there are none.</param>
    /// <returns>The certificate with its private key.</returns>
    public static X509Certificate2 SelfSigned(params string[] names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var all = new SubjectAlternativeNameBuilder();
        foreach (var name in names.DefaultIfEmpty("localhost"))
        {
            if (IPAddress.TryParse(name, out var address))
                all.AddIpAddress(address);
            else
                all.AddDnsName(name);
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=CertActors.TestKit", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(all.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        if (!OperatingSystem.IsWindows())
            return certificate;

        // SChannel accepts no ephemeral key.
        using (certificate)
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), password: null);
    }

    /// <summary>Serves a certificate from now on: the first one of a pair, or its next generation.</summary>
    /// <param name="leaf">The certificate with its private key. It is copied: the caller may dispose it.</param>
    /// <param name="pair">
    /// The pair's name (<see cref="CertificateOptions.Name"/>). It answers to the DNS names of its leaf. The pair <c>default</c> answers to other clients,
    /// too, and they wait for it.
    /// </param>
    /// <param name="intermediates">What a server sends with the leaf, in the order of issue, without the root.</param>
    /// <returns>What subscribers of a supervisor get.</returns>
    /// <exception cref="ArgumentException">The leaf has no private key, or the name is not one of a pair.</exception>
    /// <exception cref="ObjectDisposedException">The holder was given back.</exception>
    public CertificateChanged Serve(X509Certificate2 leaf, string pair = DefaultPair, params X509Certificate2[] intermediates)
    {
        ArgumentNullException.ThrowIfNull(leaf);
        ArgumentNullException.ThrowIfNull(intermediates);
        if (!leaf.HasPrivateKey)
            throw new ArgumentException("The leaf has no private key, which every handshake needs.", nameof(leaf));
        RejectBadName(pair, nameof(pair));

        var copy = new X509Certificate2(leaf);
        var loaded = new LoadedPair(copy, [.. intermediates.Select(issuer => new X509Certificate2(issuer))], endsAtRoot: false, copy.ToFacts());
        loaded.Prepare();
        lock (_lock)
        {
            if (!_pairs.Exists(known => known.Name == pair))
            {
                _pairs.Add(PairOf(pair));
                Claim();
            }

            var place = _pairs.FindIndex(known => known.Name == pair);
            var target = new ReloadablePair(_pairs[place], _pairs[place].ToWatchedFiles(), _cells[place], Holder.GetTrustBundle);
            return (CertificateChanged)Publish(target, loaded);
        }
    }

    /// <summary>Serves a trust bundle from now on, which peers are verified against: the first one of a name, or its next generation.</summary>
    /// <param name="bundle">The bundle's name (<see cref="TrustBundleOptions.Name"/>).</param>
    /// <param name="authorities">What is trusted: authorities, or the self-signed certificates of peers. They are copied.</param>
    /// <returns>What subscribers of a supervisor get.</returns>
    /// <exception cref="ArgumentException">The name is not one of a bundle.</exception>
    /// <exception cref="ObjectDisposedException">The holder was given back.</exception>
    public TrustBundleChanged Trust(string bundle, params X509Certificate2[] authorities)
    {
        ArgumentNullException.ThrowIfNull(authorities);
        RejectBadName(bundle, nameof(bundle));

        // Without a key: what is trusted has none.
        var loaded = new LoadedBundle(
            [.. authorities.Select(authority => X509CertificateLoader.LoadCertificate(authority.RawDataMemory.Span))], lists: [], allowsStaleLists: false);
        var options = new TrustBundleOptions { Name = bundle, CertificatePaths = [nameof(TestCertificates)] };
        lock (_lock)
        {
            if (!_bundles.Contains(bundle))
            {
                _bundles.Add(bundle);
                Claim();
            }

            return (TrustBundleChanged)Publish(new ReloadableBundle(options, options.ToWatchedFiles(), Holder.BundleCellOf(bundle)), loaded);
        }
    }

    /// <summary>Gives the holder back. It still serves what was served last.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _owner.IsOver = true;
            Holder.Release(_owner);
        }
    }

    private static CertificateOptions PairOf(string name) =>
        new() { Name = name, CertificatePath = nameof(TestCertificates), KeyPath = nameof(TestCertificates) };

    private static void RejectBadName(string name, string parameter)
    {
        if (CertificateOptions.NameError(name) is { } error)
            throw new ArgumentException(error, parameter);
    }

    // As a supervisor does that starts again: what is served stays.
    private void Claim()
    {
        ObjectDisposedException.ThrowIf(_owner.IsOver, this);
        _cells = Holder.Claim(_owner, _pairs, _bundles);
    }

    private GenerationChanged Publish(IReloadable target, IDisposable loaded)
    {
        ObjectDisposedException.ThrowIf(_owner.IsOver, this);
        var accepted = new Verdict.Accepted(loaded, Warnings: [], Incomplete: null);
        var change = target.ChangeTo(accepted, ReloadReason.Requested, Holder.UtcNow());
        target.Publish(accepted, change);
        return change;
    }
}
