using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Net;

namespace CertActors.Server;

/// <summary>The command line of the server, with the command <c>check</c>.</summary>
internal static class CommandLine
{
    /// <summary>The name of the command, also in help and errors. The assembly can't have it: it would differ from the library's in case only.</summary>
    public const string Name = "certactors";

    private const int UsageError = 2;

    private const string HowToNameAPair =
        "--cert PATH, or in CertActors:Certificates of appsettings.json, of --config FILE or of the environment (CertActors__Certificates__NAME__CertificatePath)";

    private static readonly Option<string?> Cert = new("--cert")
    {
        Description = "The file with the leaf certificate and its intermediates, as PEM or PKCS#12. Without a pair, here or in the configuration, the server runs a demonstration with a self-made certificate.",
        HelpName = "PATH",
        CustomParser = OptionParsers.Path,
    };

    private static readonly Option<string?> Key = NewKey();
    private static readonly Option<string?> Password = NewPassword();

    private static readonly Option<string?> Config = new("--config")
    {
        Description = "A JSON file with pairs and trust bundles, in its section CertActors. What it sets replaces what appsettings.json in the working directory sets; variables of the environment, such as CertActors__Certificates__NAME__CertificatePath, and --cert replace both.",
        HelpName = "FILE",
        CustomParser = OptionParsers.Path,
    };

    private static readonly Option<string[]> ClientCa = new("--client-ca")
    {
        Description = "A PEM file with authorities, and their revocation lists if there are any. Every client must have a certificate of one of them, unless --client-certificates is allow. May be given several times.",
        HelpName = "PATH",
        DefaultValueFactory = _ => [],
        CustomParser = OptionParsers.Paths,
    };

    private static readonly Option<string?> ClientBundle = new("--client-bundle")
    {
        Description = "The trust bundle of the configuration that every client must have a certificate of, instead of --client-ca.",
        HelpName = "NAME",
    };

    private static readonly Option<ClientCertificates?> ClientCertificate = new("--client-certificates")
    {
        Description = "Whether clients must have a certificate: require, the default, or allow, which serves clients without one, too. One that is sent must be good in any case. Needs --client-ca or --client-bundle.",
        HelpName = "require|allow",
        CustomParser = argument => OptionParsers.AllowOrRequire(argument),
    };

    private static readonly Option<TimeSpan?> Wait = new("--wait")
    {
        Description = "How long the start waits until every pair and trust bundle is served, for files that are not there yet: 1s to 1d, in ms, s, m, h or d. Changes of the configuration are applied after the start. Without it, the first that cannot be loaded ends the start.",
        HelpName = "TIME",
        CustomParser = argument => OptionParsers.Duration("1s", "1d", "30s")(argument),
    };

    private static readonly Option<IPNetwork[]> MonitoringFrom = new("--monitoring-from")
    {
        Description = "A network whose clients may read /certificates and /metrics, as clients on this machine may: 10.0.0.0/8, or 0.0.0.0/0 and ::/0 for all. May be given several times.",
        HelpName = "NETWORK",
        DefaultValueFactory = _ => [],
        CustomParser = OptionParsers.Networks,
    };

    private static readonly Option<IPAddress> Address = new("--address")
    {
        Description = "The address to listen on.",
        HelpName = "A",
        DefaultValueFactory = _ => IPAddress.Loopback,
        CustomParser = OptionParsers.Address,
    };

    private static readonly Option<int> Port = new("--port")
    {
        Description = "The port to listen on; 0 for any free one.",
        HelpName = "N",
        DefaultValueFactory = _ => 8443,
        CustomParser = OptionParsers.Number(0, IPEndPoint.MaxPort),
    };

    private static readonly Option<TimeSpan> Every = new("--every")
    {
        Description = "The interval between two rotations of the demonstration: 500ms to 1d, in ms, s, m, h or d.",
        HelpName = "TIME",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(10),
        CustomParser = OptionParsers.Duration("500ms", "1d", "10s"),
    };

    private static readonly Option<int?> Rotations = new("--rotations")
    {
        Description = "The number of rotations after which the demonstration ends. Without it, it runs until Ctrl+C.",
        HelpName = "N",
        CustomParser = argument => OptionParsers.Number(1)(argument),
    };

    private static readonly Option<int?> MaxConnections = new("--max-connections")
    {
        Description = "The maximum number of open connections; further ones wait. The default, and the upper bound, is what the limit of open files allows.",
        HelpName = "N",
        CustomParser = argument => OptionParsers.Number(1)(argument),
    };

    /// <returns>The option of a private key.</returns>
    public static Option<string?> NewKey() => new("--key")
    {
        Description = "The file with the private key, as PEM or PKCS#12. Without it, the certificate file contains the key.",
        HelpName = "PATH",
        CustomParser = OptionParsers.Path,
    };

    /// <returns>The option of a password.</returns>
    public static Option<string?> NewPassword() => new("--password-file")
    {
        Description = "The file with the password of an encrypted key or PKCS#12 file.",
        HelpName = "PATH",
        CustomParser = OptionParsers.Path,
    };

    public static CertificateOptions PairOf(string cert, string? key, string? password) =>
        new() { CertificatePath = cert, KeyPath = key ?? cert, PasswordPath = password };

    /// <returns><see cref="Arguments"/> or <see cref="CheckArguments"/>; null if help or an error was printed and the process exits with the exit code.</returns>
    /// <exception cref="InvalidDataException">A file of the configuration cannot be read, or is not JSON.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled while a file of the configuration was read.</exception>
    public static object? Parse(string[] args, CancellationToken ended, out int exitCode)
    {
        var check = CheckCommand.Command;
        var root = new Command(Name, "An HTTPS server that replaces its certificates without a restart when the files change.")
        {
            Cert, Key, Password, Config, ClientCa, ClientBundle, ClientCertificate, Wait, Address, Port, MaxConnections, MonitoringFrom, Every, Rotations,
            new HelpOption(), new VersionOption(), check,
        };

        // The caller acts on the result. Without an action, System.CommandLine demands a subcommand.
        root.SetAction(_ => 0);
        check.SetAction(_ => 0);
        var result = root.Parse(args);
        var isCheck = result.CommandResult.Command == check;

        // The first only: those that follow are often its consequences.
        if (result.Errors is [var parsing, ..])
            return Fail(parsing.Message, out exitCode);
        exitCode = 0;
        if (result.Action == check.Action)
            return CheckCommand.Read(result);
        if (result.Action == root.Action)
        {
            var configuration = Configuration(result, ended);
            return Errors(result, configuration).FirstOrDefault() is { } error ? Fail(error, out exitCode) : Read(result, configuration);
        }

        Output.Standard.WriteLine(Run(result, out exitCode)); // --help and --version
        return null;

        object? Fail(string error, out int exitCode)
        {
            Output.Fail(error);
            Output.Error.WriteLine($"Try '{Name}{(isCheck ? " check" : "")} --help'.");
            exitCode = UsageError;
            return null;
        }
    }

    private static ServerConfiguration Configuration(ParseResult result, CancellationToken ended) => new(
        result.GetValue(Config), result.GetValue(Cert) is { } cert ? PairOf(cert, result.GetValue(Key), result.GetValue(Password)) : null, ended);

    private static Arguments Read(ParseResult result, ServerConfiguration configuration)
    {
        var endpoint = new IPEndPoint(result.GetValue(Address)!, result.GetValue(Port));
        var maxConnections = result.GetValue(MaxConnections);
        if (!configuration.HasPairs)
        {
            return new DemonstrationArguments
            {
                Endpoint = endpoint,
                MaxConnections = maxConnections,
                Every = result.GetValue(Every),
                Rotations = result.GetValue(Rotations),
            };
        }

        return new ServeArguments
        {
            Endpoint = endpoint,
            MaxConnections = maxConnections,
            Configuration = configuration,
            ClientAuthorities = result.GetValue(ClientCa)!,
            ClientBundle = result.GetValue(ClientBundle),
            ClientCertificates = result.GetValue(ClientCertificate) ?? ClientCertificates.Require,
            Wait = result.GetValue(Wait),
            MonitoringFrom = result.GetValue(MonitoringFrom)!,
        };
    }

    private static string Run(ParseResult result, out int exitCode)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        exitCode = result.Invoke(new InvocationConfiguration { Output = output });
        return output.ToString().TrimEnd();
    }

    private static IEnumerable<string> Errors(ParseResult result, ServerConfiguration configuration)
    {
        foreach (var option in (Option[])[Key, Password])
        {
            if (!Given(Cert) && Given(option))
                yield return $"{option.Name} needs --cert.";
        }

        foreach (var option in (Option[])[Every, Rotations])
        {
            if (configuration.HasPairs && Given(option))
                yield return $"{option.Name} is an option of the demonstration; it cannot be combined with {(Given(Cert) ? "--cert" : "the pairs of the configuration")}.";
        }

        if (Given(ClientCa) && Given(ClientBundle))
            yield return "--client-ca and --client-bundle cannot be combined; --client-ca makes a trust bundle of its own.";
        if (Given(ClientCertificate) && !Given(ClientCa) && !Given(ClientBundle))
            yield return "--client-certificates needs --client-ca or --client-bundle, which name the authorities of the certificates.";
        if (configuration.HasPairs)
            yield break;
        if (configuration.IsGiven || Given(Config))
            yield return $"the configuration has no pair; name one with {HowToNameAPair}.";
        foreach (var option in (Option[])[ClientCa, ClientBundle, Wait, MonitoringFrom, Address])
        {
            if (Given(option))
                yield return $"{option.Name} needs a pair to serve, and the demonstration has its own; name one with {HowToNameAPair}.";
        }

        bool Given(Option option) => result.GetResult(option) is { Implicit: false };
    }
}
