using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors;

/// <summary>Judges a pair without serving it, as a supervisor judges the first one.</summary>
public static class CertificateCheck
{
    private static readonly CertificateReport NoPair = new()
    {
        Reason = null,
        Findings = [],
        Leaf = null,
        OtherNames = [],
        DaysLeft = null,
        Chain = [],
        TrustAnchor = null,
        Key = null,
        Files = [],
    };

    /// <summary>Reads the files, and reports what they are. Blocks for as long as the disk does.</summary>
    /// <param name="options">The pair. Unlike a supervisor, the check requires <see cref="CertificateOptions.RequiredNames"/> of the first pair too.</param>
    /// <param name="now">The time at which the pair must be valid.</param>
    /// <param name="trust">
    /// A trust bundle that must be good and trust the pair, as with <see cref="CertificateOptions.MustChainTo"/>; null if none must.
    /// </param>
    /// <param name="minRemaining">
    /// How long the leaf and its intermediates must stay valid from <paramref name="now"/> on; the pair must be valid now, too. Null if an expired pair is
    /// accepted with a warning, as by a supervisor that serves nothing better.
    /// </param>
    /// <returns>What the files are, whether the pair is accepted, and every reason and warning, each once.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <example><code>
    /// var pair = new CertificateOptions { CertificatePath = "tls.crt", KeyPath = "tls.key" };
    /// var report = CertificateCheck.Run(pair, DateTimeOffset.UtcNow, minRemaining: TimeSpan.FromDays(14));
    /// foreach (var finding in report.Findings)
    ///     Console.WriteLine(finding.Message);
    /// </code></example>
    public static CertificateReport Run(
        CertificateOptions options, DateTimeOffset now, TrustBundleOptions? trust = null, TimeSpan? minRemaining = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var all = new CertificatesOptions
        {
            Certificates = [options with { MustChainTo = trust?.Name, RequireValidFirst = options.RequireValidFirst || minRemaining is not null }],
            TrustBundles = trust is null ? [] : [trust],
        }.Validated();
        return Run(DiskFiles.Instance, all.Certificates[0], now, all.TrustBundles is [var bundle] ? bundle : null, minRemaining);
    }

    internal static CertificateReport Run(
        IFiles disk, CertificateOptions options, DateTimeOffset now, TrustBundleOptions? trust = null, TimeSpan? minRemaining = null)
    {
        List<Finding> findings = [];
        using var bundleFiles = trust is null ? null : BundleFiles.Read(disk, trust);
        using var bundle = bundleFiles is null ? null : Judged(bundleFiles, trust!, now, findings);
        using var files = PairFiles.Read(disk, options);
        var report = Describe(files, options, bundle, now, minRemaining, findings);
        findings.AddRange(files.Warnings.Concat(bundleFiles?.Warnings ?? []).Select(warning => new Finding(Reason: null, warning.Message)));
        return report with
        {
            Reason = findings.FirstOrDefault(finding => finding.Reason is not null)?.Reason,

            // A file may be of the pair and of the bundle.
            Findings = [.. findings.Distinct().Select(finding => new CertificateFinding { Reason = finding.Reason, Message = finding.Message })],
            Files = [.. files.Stamps.Concat(bundleFiles?.Stamps ?? []).Select(file => Describe(file.Path, file.Stamp)).Distinct()],
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

    private static CertificateReport Describe(
        ReadFiles files, CertificateOptions options, LoadedBundle? bundle, DateTimeOffset now, TimeSpan? minRemaining, List<Finding> findings)
    {
        if (files.Problem is { } problem)
        {
            findings.Add(new Finding(problem.Reason, problem.Message));
            return NoPair;
        }

        try
        {
            using var pair = PairParser.Parse(PairFiles.ContentOf(files, options), options, now);
            findings.AddRange(bundle is null
                ? CheckRules.OfMissingIssuer(pair, options) // What is missing for a bundle, the bundle shows.
                : Judge.OfTrust(pair, new PeerVerifier(bundle, new IntermediateMemory()), now, options));
            findings.AddRange(Judge.Findings(pair, served: null, now, options, requiresNames: true));
            if (minRemaining is { } required)
                findings.AddRange(CheckRules.OfRemaining(pair, now, required, options));
            pair.Prepare();
            return Describe(pair, now);
        }
        catch (Exception fault) when (Judge.FindingOf(fault, options) is { } finding)
        {
            findings.Add(finding);
            return NoPair;
        }
    }

    private static CertificateReport Describe(LoadedPair pair, DateTimeOffset now) => NoPair with
    {
        Leaf = pair.Facts,
        OtherNames = [.. OtherNames.Of(pair.Leaf)],
        DaysLeft = (int)Math.Floor((pair.Facts.NotAfter - now).TotalDays),
        Chain = pair.ChainFacts,
        TrustAnchor = (pair.Intermediates.LastOrDefault() ?? pair.Leaf).Issuer,
        Key = pair.Leaf.DescribeKey(),
    };
}
