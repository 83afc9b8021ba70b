using System.CommandLine;

namespace CertActors.Server;

/// <summary>The arguments of <c>check</c>.</summary>
/// <param name="Pair">The pair to check.</param>
/// <param name="Trust">The trust bundle that must trust the pair; null if none must.</param>
/// <param name="MinRemaining">How long the pair must stay valid; null if it need not be.</param>
/// <param name="IsStrict">Whether a warning rejects the pair.</param>
/// <param name="IsJson">Whether the report is written as JSON.</param>
internal sealed record CheckArguments(CertificateOptions Pair, TrustBundleOptions? Trust, TimeSpan? MinRemaining, bool IsStrict, bool IsJson);

/// <summary>The command <c>check</c> and its options.</summary>
internal static class CheckCommand
{
    private static readonly Option<string?> Cert = new("--cert")
    {
        Description = "The file with the leaf certificate and its intermediates, as PEM or PKCS#12.",
        HelpName = "PATH",
        Required = true,
        CustomParser = OptionParsers.Path,
    };

    private static readonly Option<string?> Key = CommandLine.NewKey();
    private static readonly Option<string?> Password = CommandLine.NewPassword();

    private static readonly Option<string[]> Names = new("--names")
    {
        Description = "Host names that the certificate must cover, separated by commas.",
        HelpName = "A,B",
        CustomParser = OptionParsers.HostNames,
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string[]> Trust = new("--trust")
    {
        Description = "A PEM file with the certificates, and the revocation lists if there are any, that the certificate must lead to. May be given several times. Where certificates do not give the address of their issuer's certificate, as is usual for private authorities, --trust root.pem shows whether an intermediate is missing.",
        HelpName = "PATH",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<TimeSpan?> MinRemaining = new("--min-remaining")
    {
        Description = "How long the certificate and its intermediates must stay valid: 1s to 3650d, in ms, s, m, h or d.",
        HelpName = "TIME",
        CustomParser = argument => OptionParsers.Duration("1s", "3650d", "14d")(argument),
    };

    private static readonly Option<bool> Strict = new("--strict") { Description = "Rejects a pair with warnings, too." };

    private static readonly Option<bool> Json = new("--json") { Description = "Writes the report as JSON." };

    public static readonly Command Command =
        new("check", "Loads and checks a certificate and key as the server does. Exit codes: 0 accepted, 1 rejected, 2 usage error.")
        {
            Cert, Key, Password, Names, Trust, MinRemaining, Strict, Json,
        };

    public static CheckArguments Read(ParseResult result) => new(
        CommandLine.PairOf(result.GetValue(Cert)!, result.GetValue(Key), result.GetValue(Password)) with { RequiredNames = result.GetValue(Names)! },
        result.GetValue(Trust) is { Length: > 0 } paths ? new TrustBundleOptions { CertificatePaths = paths } : null,
        result.GetValue(MinRemaining),
        result.GetValue(Strict),
        result.GetValue(Json));
}
