using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;

namespace CertActors;

/// <summary>Judges a pair as a supervisor would that serves none yet, without serving it.</summary>
public static class CertificateCheck
{
    /// <summary>Reads the files and says what they are. Blocks for as long as the disk does.</summary>
    /// <param name="options">The pair. Unlike a supervisor, it demands <see cref="CertificateOptions.RequiredNames"/> also of a first pair.</param>
    /// <param name="now">The time that validity is judged by.</param>
    /// <returns>What they are, and all that is to be said of them.</returns>
    /// <exception cref="CertificateOptionsException">The options can't be used; every error is named.</exception>
    public static CertificateReport Run(CertificateOptions options, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(options);
        var pair = new CertificateSupervisorOptions { Certificates = [options] }.Checked().Certificates[0];
        return Run(DiskFiles.Instance, pair, now);
    }

    internal static CertificateReport Run(IFiles disk, CertificateOptions options, DateTimeOffset now)
    {
        using var files = PairFiles.Read(disk, options);
        List<Finding> findings = [];
        var (leaf, chain, key) = Describe(files, options, now, findings);
        findings.AddRange(files.Warnings.Select(warning => new Finding(Reason: null, warning.Message)));

        return new CertificateReport(
            findings.FirstOrDefault(finding => finding.Reason is not null)?.Reason,
            findings.Select(finding => new CertificateFinding(finding.Reason, finding.Message)).ToArray(),
            leaf,
            chain,
            key,
            files.Stamps.Select(file => new CertificateFile(
                file.Path, file.Stamp?.Size, file.Stamp is { } stamp && !OperatingSystem.IsWindows() ? FileWarning.Octal(stamp.Mode) : null)).ToArray());
    }

    private static (CertificateFacts? Leaf, CertificateFacts[] Chain, string? Key) Describe(
        PairFiles files, CertificateOptions options, DateTimeOffset now, List<Finding> findings)
    {
        if (files.Problem is { } problem)
        {
            findings.Add(new Finding(problem.Reason, problem.Message));
            return (null, [], null);
        }

        try
        {
            using var pair = PairParser.Parse(files.Content, options, now);
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
