using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors;

/// <summary>Judges a pair without serving it, as a supervisor judges the first one.</summary>
public static class CertificateCheck
{
    /// <summary>Reads the files, and reports what they are. Blocks for as long as the disk does.</summary>
    /// <param name="options">The pair. Unlike a supervisor, the check requires <see cref="CertificateOptions.RequiredNames"/> of the first pair too.</param>
    /// <param name="now">The time at which the pair must be valid.</param>
    /// <param name="trust">
    /// A trust bundle that must be good and trust the pair, as with <see cref="CertificateOptions.MustChainTo"/>; null if none must.
    /// </param>
    /// <returns>What the files are, whether the pair is accepted, and every reason and warning.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    public static CertificateReport Run(CertificateOptions options, DateTimeOffset now, TrustBundleOptions? trust = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var all = new CertificatesOptions
        {
            Certificates = [options with { MustChainTo = trust?.Name }],
            TrustBundles = trust is null ? [] : [trust],
        }.Validated();
        return Run(DiskFiles.Instance, all.Certificates[0], now, all.TrustBundles is [var bundle] ? bundle : null);
    }

    internal static CertificateReport Run(IFiles disk, CertificateOptions options, DateTimeOffset now, TrustBundleOptions? trust = null)
    {
        List<Finding> findings = [];
        using var bundleFiles = trust is null ? null : BundleFiles.Read(disk, trust);
        using var bundle = bundleFiles is null ? null : Judged(bundleFiles, trust!, now, findings);
        using var files = PairFiles.Read(disk, options);
        var (leaf, chain, key) = Describe(files, options, bundle, now, findings);
        findings.AddRange(files.Warnings.Concat(bundleFiles?.Warnings ?? []).Select(warning => new Finding(Reason: null, warning.Message)));

        return new CertificateReport
        {
            Reason = findings.FirstOrDefault(finding => finding.Reason is not null)?.Reason,
            Findings = [.. findings.Select(finding => new CertificateFinding { Reason = finding.Reason, Message = finding.Message })],
            Leaf = leaf,
            Chain = chain,
            Key = key,
            Files = [.. files.Stamps.Concat(bundleFiles?.Stamps ?? []).Select(file => Describe(file.Path, file.Stamp))],
        };
    }

    /// <returns>The bundle; null if it is rejected, so that whether it trusts the pair is not known.</returns>
    private static LoadedBundle? Judged(ReadFiles files, TrustBundleOptions trust, DateTimeOffset now, List<Finding> findings)
    {
        var verdict = files.Problem is { } problem
            ? new Verdict.Rejected(problem.Reason, problem.Message)
            : BundleJudge.Of(BundleFiles.ContentOf(files, trust), served: null, now, trust);
        if (verdict is Verdict.Rejected rejected)
        {
            findings.Add(new Finding(rejected.Reason, rejected.Message));
            return null;
        }

        var accepted = (Verdict.Accepted)verdict;
        findings.AddRange(accepted.Warnings.Select(warning => new Finding(Reason: null, warning)));
        return (LoadedBundle)accepted.Loaded;
    }

    private static CertificateFile Describe(string path, FileStamp? stamp) => new()
    {
        Path = path,
        Size = stamp?.Size,
        Mode = stamp is { } known && !OperatingSystem.IsWindows() ? FileWarning.Octal(known.Mode) : null,
    };

    private static (CertificateFacts? Leaf, CertificateFacts[] Chain, string? Key) Describe(
        ReadFiles files, CertificateOptions options, LoadedBundle? bundle, DateTimeOffset now, List<Finding> findings)
    {
        if (files.Problem is { } problem)
        {
            findings.Add(new Finding(problem.Reason, problem.Message));
            return (null, [], null);
        }

        try
        {
            using var pair = PairParser.Parse(PairFiles.ContentOf(files, options), options, now);
            if (bundle is not null)
                findings.AddRange(Judge.OfTrust(pair, new PeerVerifier(bundle, new IntermediateMemory()), now, options));
            findings.AddRange(Judge.Findings(pair, served: null, now, options, requiresNames: true));
            pair.Prepare();
            return (pair.Facts, [.. pair.Intermediates.Select(FactsOfIssuer).OfType<CertificateFacts>()], pair.Leaf.DescribeKey());
        }
        catch (Exception fault) when (Judge.FindingOf(fault, options) is { } finding)
        {
            findings.Add(finding);
            return (null, [], null);
        }
    }

    // What it says of itself is no reason to reject what it has issued.
    private static CertificateFacts? FactsOfIssuer(X509Certificate2 issuer)
    {
        try
        {
            return issuer.ToFacts();
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
