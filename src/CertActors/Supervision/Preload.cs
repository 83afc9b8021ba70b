using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors.Supervision;

/// <summary>
/// Loads the assemblies and native libraries that loads, rejections and the log of a failed actor need, while file descriptors are available. The
/// runtime opens a library when its code first runs; if no descriptor is left by then, that code fails.
/// </summary>
/// <remarks>
/// It runs once the code that is needed later. To load every referenced assembly would open 14 more, each of which keeps two descriptors for the life
/// of the process. It takes less than 0.1 s once in a process, most of which the first load takes otherwise, and 6 descriptors and 2 MB.
/// </remarks>
internal static class Preload
{
    private static readonly Lazy<bool> Done = new(Run);

    /// <summary>Loads them, unless that is done; waits while another thread does it. It blocks, and so runs on a disk thread.</summary>
    public static void Ensure() => _ = Done.Value;

    private static bool Run()
    {
        Try(JudgeAll);
        Try(FormatException);
        return true;
    }

    // What can't be loaded is reported where it is needed.
    private static void Try(Action load)
    {
        try
        {
            load();
        }
        catch (Exception)
        {
            // See above.
        }
    }

    /// <summary>
    /// Accepts a pair that is made in memory, which loads OpenSSL and the system's trust store, and verifies it against itself; then rejects a bad one.
    /// </summary>
    private static void JudgeAll()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var (start, end) = (DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1));
        using var certificate = request.CreateSelfSigned(start, end);
        var policy = new CertificateOptions { CertificatePath = "certificate", KeyPath = "key", MustChainTo = "trust" };
        using var certificatePem = Copy(certificate.ExportCertificatePem());
        using var keyPem = Copy(key.ExportPkcs8PrivateKeyPem());

        var trust = new TrustBundleOptions { CertificatePaths = ["certificate"], AllowNonAuthorities = true };
        var content = new BundleContent([new BundleFile("certificate", certificatePem.Memory)], []);
        using var bundle = (BundleJudge.Of(content, served: null, start, trust) as Verdict.Accepted)?.Loaded as LoadedBundle;
        var verifier = bundle is null ? null : new PeerVerifier(bundle, new IntermediateMemory());

        var pair = new PairContent(certificatePem, keyPem, Password: null);
        (Judge.Of(pair, served: null, isAccepted: true, verifier, start, policy) as Verdict.Accepted)?.Loaded.Dispose();
        Judge.Of(new PairContent(keyPem, certificatePem, Password: null), served: null, isAccepted: true, verifier, start, policy);
    }

    /// <summary>Formats an exception with its stack trace, as the log of a failed actor does.</summary>
    private static void FormatException()
    {
        try
        {
            throw new InvalidOperationException();
        }
        catch (InvalidOperationException thrown)
        {
            _ = thrown.ToString();
        }
    }

    private static SecretBuffer Copy(string text)
    {
        var copy = SecretBuffer.Rent(Encoding.ASCII.GetByteCount(text));
        copy.Shorten(Encoding.ASCII.GetBytes(text, copy.Span));
        return copy;
    }
}
