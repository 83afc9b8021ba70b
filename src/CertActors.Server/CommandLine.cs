using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace CertActors.Server;

/// <summary>The arguments of the server and of the demonstration.</summary>
/// <param name="Pair">The pair to serve; null for the demonstration.</param>
/// <param name="Address">The address to listen on.</param>
/// <param name="Port">The port to listen on; 0 for any free port.</param>
/// <param name="Every">The interval between two rotations of the demonstration.</param>
/// <param name="Rotations">The number of rotations after which the demonstration ends; null for no end.</param>
/// <param name="MaxConnections">The maximum number of open connections; null for what the limit of open files allows.</param>
internal sealed record Arguments(CertificateOptions? Pair, IPAddress Address, int Port, TimeSpan Every, int? Rotations, int? MaxConnections);

/// <summary>The arguments of <c>check</c>.</summary>
/// <param name="Pair">The pair to check.</param>
/// <param name="Trust">The trust bundle that must trust the pair; null if none must.</param>
/// <param name="IsJson">Whether the report is written as JSON.</param>
internal sealed record CheckArguments(CertificateOptions Pair, TrustBundleOptions? Trust, bool IsJson);

internal static class CommandLine
{
    private const int UsageError = 2;
    private const string KeyDescription = "The file with the private key, as PEM or PKCS#12. It may be the certificate file.";

    private static readonly TimeSpan MinEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxEvery = TimeSpan.FromDays(1);

    private static readonly Option<string?> Cert = new("--cert")
    {
        Description = "The file with the leaf certificate and its intermediates, as PEM or PKCS#12. Without it, the server runs a demonstration with a self-made certificate.",
        HelpName = "PATH",
    };

    private static readonly Option<string?> Key = new("--key") { Description = KeyDescription, HelpName = "PATH" };

    private static readonly Option<string?> Password = new("--password-file")
    {
        Description = "The file with the password of an encrypted key or PKCS#12 file.",
        HelpName = "PATH",
    };

    private static readonly Option<int> Port = new("--port")
    {
        Description = "The port to listen on; 0 for any free one.",
        HelpName = "N",
        DefaultValueFactory = _ => 8443,
    };

    private static readonly Option<IPAddress> Address = new("--address")
    {
        Description = "The address to listen on.",
        HelpName = "A",
        DefaultValueFactory = _ => IPAddress.Loopback,
        CustomParser = ParseAddress,
    };

    private static readonly Option<TimeSpan> Every = new("--every")
    {
        Description = "The interval between two rotations of the demonstration: 500ms to 1d, in ms, s, m, h or d.",
        HelpName = "TIME",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(10),
        CustomParser = ParseEvery,
    };

    private static readonly Option<int?> Rotations = new("--rotations")
    {
        Description = "The number of rotations after which the demonstration ends. Without it, it runs until Ctrl+C.",
        HelpName = "N",
    };

    private static readonly Option<int?> MaxConnections = new("--max-connections")
    {
        Description = "The maximum number of open connections; further ones wait. The default, and the upper bound, is what the limit of open files allows.",
        HelpName = "N",
    };

    private static readonly Option<string> CheckCert = new("--cert")
    {
        Description = "The file with the leaf certificate and its intermediates, as PEM or PKCS#12.",
        HelpName = "PATH",
        Required = true,
    };

    private static readonly Option<string> CheckKey = new("--key") { Description = KeyDescription, HelpName = "PATH", Required = true };

    private static readonly Option<string[]> Names = new("--names")
    {
        Description = "Host names that the certificate must cover, separated by commas.",
        HelpName = "A,B",
        CustomParser = argument => [.. argument.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries))],
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string[]> Trust = new("--trust")
    {
        Description = "A PEM file with the certificates, and the revocation lists if there are any, that the certificate must lead to. May be given several times.",
        HelpName = "PATH",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Writes the report as JSON." };

    private static readonly Command Check = new("check", "Loads and checks a certificate and key as the server does. Exit codes: 0 accepted, 1 rejected, 2 usage error.")
    {
        CheckCert, CheckKey, Password, Names, Trust, Json,
    };

    /// <returns><see cref="Arguments"/> or <see cref="CheckArguments"/>; null if help or an error was printed and the process exits with the exit code.</returns>
    public static object? Parse(string[] args, out int exitCode)
    {
        var root = new RootCommand("An HTTPS server that replaces its certificate without a restart when the files change.")
        {
            Cert, Key, Password, Address, Port, Every, Rotations, MaxConnections, Check,
        };

        // The caller acts on the result. Without an action, System.CommandLine demands a subcommand.
        root.SetAction(_ => 0);
        Check.SetAction(_ => 0);
        var result = root.Parse(args);
        var checks = result.CommandResult.Command == Check;
        string[] errors = result.Errors.Count > 0 ? [.. result.Errors.Select(error => error.Message)] : checks ? [] : [.. Errors(result)];
        if (errors.Length > 0)
        {
            foreach (var error in errors)
                Output.Fail(error);
            Output.Error.WriteLine(Run(root.Parse(checks ? ["check", "--help"] : ["--help"]), out _));
            exitCode = UsageError;
            return null;
        }

        if (result.Action != root.Action && result.Action != Check.Action)
        {
            Output.Standard.WriteLine(Run(result, out exitCode)); // --help and --version
            return null;
        }

        exitCode = 0;
        if (checks)
        {
            var options = new CertificateOptions
            {
                CertificatePath = result.GetValue(CheckCert)!,
                KeyPath = result.GetValue(CheckKey)!,
                PasswordPath = result.GetValue(Password),
                RequiredNames = result.GetValue(Names)!,
            };
            var trust = result.GetValue(Trust) is { Length: > 0 } paths ? new TrustBundleOptions { CertificatePaths = paths } : null;
            return new CheckArguments(options, trust, result.GetValue(Json));
        }

        var pair = result.GetValue(Cert) is { } cert
            ? new CertificateOptions { CertificatePath = cert, KeyPath = result.GetValue(Key)!, PasswordPath = result.GetValue(Password) }
            : null;
        return new Arguments(
            pair,
            result.GetValue(Address)!,
            result.GetValue(Port),
            result.GetValue(Every),
            result.GetValue(Rotations),
            result.GetValue(MaxConnections));
    }

    private static string Run(ParseResult result, out int exitCode)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        exitCode = result.Invoke(new InvocationConfiguration { Output = output });
        return output.ToString().TrimEnd();
    }

    private static IEnumerable<string> Errors(ParseResult result)
    {
        var serves = Given(Cert) || Given(Key);
        if (Given(Cert) != Given(Key))
            yield return "--cert and --key belong together: give both files of the pair.";
        if (Given(Password) && !serves)
            yield return "--password-file needs --cert and --key.";
        foreach (var file in (Option<string?>[])[Cert, Key, Password])
        {
            if (Given(file) && string.IsNullOrWhiteSpace(result.GetValue(file)))
                yield return $"{file.Name} must be the path of a file.";
        }

        foreach (var option in (Option[])[Every, Rotations])
        {
            if (serves && Given(option))
                yield return $"{option.Name} is an option of the demonstration; it cannot be combined with --cert and --key.";
        }

        if (!serves && Given(Address))
            yield return "--address needs --cert and --key; the demonstration listens on 127.0.0.1.";
        if (result.GetValue(Port) is < 0 or > IPEndPoint.MaxPort)
            yield return $"--port must be between 0 and {IPEndPoint.MaxPort}.";
        if (result.GetValue(Rotations) is < 1)
            yield return "--rotations must be at least 1.";
        if (result.GetValue(MaxConnections) is < 1)
            yield return "--max-connections must be at least 1.";

        bool Given(Option option) => result.GetResult(option) is { Implicit: false };
    }

    private static IPAddress? ParseAddress(ArgumentResult argument)
    {
        if (IPAddress.TryParse(argument.Tokens[0].Value, out var address))
            return address;
        argument.AddError($"--address must be an IP address, not '{argument.Tokens[0].Value}'.");
        return null;
    }

    private static TimeSpan ParseEvery(ArgumentResult argument)
    {
        var text = argument.Tokens[0].Value;
        foreach (var (unit, seconds) in ((string, double)[])[("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)])
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
                && count * seconds >= MinEvery.TotalSeconds
                && count * seconds <= MaxEvery.TotalSeconds)
            {
                return TimeSpan.FromSeconds(count * seconds);
            }
        }

        argument.AddError($"--every must be a time between 500ms and 1d, such as 10s, not '{text}'.");
        return default;
    }
}
