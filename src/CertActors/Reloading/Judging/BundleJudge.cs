using System.Security.Cryptography.X509Certificates;
using CertActors.Diagnostics;
using CertActors.Reloading.Formats;
using CertActors.Verifying;

namespace CertActors.Reloading.Judging;

/// <summary>
/// Decides whether a trust bundle is served. The verdict depends only on the contents of the files, what is served now, the time and the bundle's options.
/// </summary>
internal static class BundleJudge
{
    private const int MinRsaKeySize = 2048;

    public static Verdict Of(BundleContent content, LoadedBundle? served, DateTimeOffset now, TrustBundleOptions policy)
    {
        ParsedBundle? parsed = null;
        try
        {
            using (ReloadTrace.Begin(ReloadTrace.Parse))
                parsed = BundleParser.Parse(content);
            using var stage = ReloadTrace.Begin(ReloadTrace.Judge);
            RejectNonAuthorities(parsed, policy);
            var bundle = new LoadedBundle(
                [.. parsed.Certificates.Select(certificate => certificate.Certificate)], Newest(Issued(parsed)), policy.AllowStaleRevocationLists);
            if (served?.HasSameContentAs(bundle) == true)
            {
                bundle.Dispose();
                return Verdict.Unchanged.Instance;
            }

            return new Verdict.Accepted(bundle, [.. Warnings(parsed, bundle, served, now)], Incomplete: null);
        }
        catch (Exception fault) when (FindingOf(fault, policy) is { } finding)
        {
            parsed?.Dispose();
            return new Verdict.Rejected(finding.Reason!.Value, finding.Message);
        }
    }

    /// <returns>The finding for an exception while the files were parsed or judged; null if it is not their contents' fault.</returns>
    public static Finding? FindingOf(Exception fault, TrustBundleOptions policy) => fault switch
    {
        RejectedException rejected => new Finding(rejected.Reason, rejected.Message),
        OutOfMemoryException => null,

        // Any other exception is caused by the contents.
        _ => new Finding(
            RejectionReason.CertificateMalformed,
            $"{string.Join(", ", policy.CertificatePaths)} cannot be decoded ({fault.GetType().Name}); write the files again."),
    };

    private static void RejectNonAuthorities(ParsedBundle parsed, TrustBundleOptions policy)
    {
        if (policy.AllowNonAuthorities)
            return;
        foreach (var (path, certificate) in parsed.Certificates)
        {
            if (!ChainRules.IsAuthority(certificate) || !ChainRules.MayBeUsedFor(certificate, X509KeyUsageFlags.KeyCertSign))
            {
                throw new RejectedException(
                    RejectionReason.NotAuthority,
                    $"{path} contains a certificate ({certificate.Subject}) that is not a certificate authority by its basic constraints or its key usage; write only authorities to it, or set {nameof(TrustBundleOptions.AllowNonAuthorities)}.");
            }
        }
    }

    private static IEnumerable<IssuedRevocationList> Issued(ParsedBundle parsed)
    {
        foreach (var (path, signed) in parsed.RevocationLists)
        {
            var which = $"{path} contains a revocation list of {signed.List.Facts.Issuer}";
            if (SignatureAlgorithm.IsWeak(signed.Algorithm))
                throw new RejectedException(RejectionReason.TooWeak, $"{which} whose signature uses SHA-1 or MD5; have it issued with SHA-256 or better.");
            if (SignatureAlgorithm.Read(signed.Algorithm) is not { } algorithm)
            {
                throw new RejectedException(
                    RejectionReason.RevocationListUnsupported, $"{which} that is signed in a way that .NET cannot verify; have it signed with RSA or ECDSA.");
            }

            var issuer = parsed.Certificates.Select(certificate => certificate.Certificate).FirstOrDefault(certificate =>
                certificate.SubjectName.RawData.AsSpan().SequenceEqual(signed.List.Issuer.Span)
                && ChainRules.MayBeUsedFor(certificate, X509KeyUsageFlags.CrlSign)
                && algorithm.Verify(certificate.PublicKey, signed.Signed.Span, signed.Signature.Span));
            if (issuer is null)
            {
                throw new RejectedException(
                    RejectionReason.RevocationListNotSigned,
                    $"{which} that no authority of the bundle with that name has signed, or was allowed to sign by its key usage; add the authority, or remove the list.");
            }

            yield return new IssuedRevocationList(signed.List, issuer.PublicKey.ExportSubjectPublicKeyInfo());
        }
    }

    // Of one issuer and scope, the newest. Numbers only decide between lists of the same time: an authority that was set up again may count from 1.
    private static IssuedRevocationList[] Newest(IEnumerable<IssuedRevocationList> lists)
    {
        List<IssuedRevocationList> newest = [];
        foreach (var list in lists.OrderByDescending(list => list.List.Facts.ThisUpdate).ThenByDescending(list => list.List.Number))
        {
            if (!newest.Exists(newer => newer.List.HasSameScopeAs(list.List) && newer.IssuerKey.Span.SequenceEqual(list.IssuerKey.Span)))
                newest.Add(list);
        }

        return [.. newest];
    }

    private static IEnumerable<string> Warnings(ParsedBundle parsed, LoadedBundle bundle, LoadedBundle? served, DateTimeOffset now) =>
    [
        .. parsed.PathsWithKey.Select(path => $"{path} contains a private key, which does not belong in a trust bundle; remove it, and replace the key if others can read the file."),
        .. parsed.Certificates.SelectMany(certificate => OfCertificate(certificate, bundle, now)),
        .. parsed.RevocationLists.SelectMany(list => OfRevocationList(list, bundle, now)),
        .. served is null ? [] : OfChange(bundle, served),
    ];

    private static IEnumerable<string> OfCertificate(BundleCertificate file, LoadedBundle bundle, DateTimeOffset now)
    {
        var certificate = file.Certificate;
        var which = $"{file.Path} contains a certificate ({certificate.Subject})";
        if (certificate.NotAfter.ToUniversalTime() is var end && end < now)
            yield return $"{which} that expired at {end:u}, so that peers that lead to it are refused; replace it.";
        if (certificate.NotBefore.ToUniversalTime() is var start && start > now)
            yield return $"{which} that is not valid before {start:u}, so that peers that lead to it are refused until then; wait, or check this machine's clock.";

        using var key = certificate.GetRSAPublicKey();
        if (key is { KeySize: < MinRsaKeySize })
            yield return $"{which} with an RSA key of {key.KeySize} bits; replace it by one with a key of at least {MinRsaKeySize} bits.";

        var isRevoked = bundle.Certificates.Any(issuer =>
            certificate.IsIssuedBy(issuer)
            && bundle.ListsOf(issuer).Any(list => list.Serials.Contains(certificate.SerialNumberBytes.Span))
            && CertificateSignature.IsBy(certificate, issuer));
        if (isRevoked)
            yield return $"{which} that a revocation list of the bundle revokes, so that peers that lead to it are refused; remove it.";
    }

    private static IEnumerable<string> OfRevocationList(BundleRevocationList file, LoadedBundle bundle, DateTimeOffset now)
    {
        var (list, facts) = (file.List.List, file.List.List.Facts);
        var which = $"{file.Path} contains a revocation list of {facts.Issuer}";
        if (!bundle.RevocationLists.Any(used => used.List.Facts.Equals(facts)))
        {
            yield return $"{which} of {facts.ThisUpdate:u}, and the bundle contains a newer one, which is used; remove the older.";
            yield break;
        }

        if (list.IsStaleAt(now))
        {
            var effect = bundle.AllowsStaleLists ? "so that later revocations are not known" : "so that peers of this authority are refused";
            yield return $"{which} that is stale since {facts.NextUpdate:u}, {effect}; replace it by the next one.";
        }

        if (facts.ThisUpdate > now)
            yield return $"{which} that was issued at {facts.ThisUpdate:u}, which is in the future; check this machine's clock.";
    }

    private static IEnumerable<string> OfChange(LoadedBundle bundle, LoadedBundle served)
    {
        if (!bundle.Facts.Intersect(served.Facts).Any())
        {
            yield return $"The trust bundle contains none of the certificates that it contained before ({string.Join("; ", served.Facts.Select(lost => lost.Subject))}), so that their peers are refused from now on; add the earlier ones if this was not intended.";
        }

        foreach (var before in served.RevocationLists.Select(list => list.List))
        {
            var after = bundle.RevocationLists.Select(list => list.List).FirstOrDefault(before.HasSameScopeAs);
            var isIssuerKept = bundle.Certificates.Any(authority => authority.SubjectName.RawData.AsSpan().SequenceEqual(before.Issuer.Span));
            if (after is null && isIssuerKept)
                yield return $"The trust bundle no longer contains a revocation list of {before.Facts.Issuer}, so that its certificates are not checked for revocation; add the list.";
            if (after is not null && after.Facts.ThisUpdate < before.Facts.ThisUpdate)
                yield return $"The revocation list of {before.Facts.Issuer} is of {after.Facts.ThisUpdate:u}, and older than the one before, of {before.Facts.ThisUpdate:u}; write the latest list.";
        }
    }
}
