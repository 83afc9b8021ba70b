using System.CommandLine;
using System.CommandLine.Help;
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

/// <summary>The command line of the server, with the command <c>check</c>.</summary>
internal static class CommandLine
{
    /// <summary>The name of the command, also in help and errors. The assembly can't have it: it would differ from the library's in case only.</summary>
    public const string Name = "certactors";

    private const int UsageError = 2;

    private static readonly Option<string?> Cert = new("--cert")
    {
        Description = "The file with the leaf certificate and its intermediates, as PEM or PKCS#12. Without it, the server runs a demonstration with a self-made certificate.",
        HelpName = "PATH",
        CustomParser = OptionParsers.Path,
    };

    private static readonly Option<string?> Key = NewKey();
    private static readonly Option<string?> Password = NewPassword();

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
    public static object? Parse(string[] args, out int exitCode)
    {
        var check = CheckCommand.Command;
        var root = new Command(Name, "An HTTPS server that replaces its certificate without a restart when the files change.")
        {
            Cert, Key, Password, Address, Port, Every, Rotations, MaxConnections, new HelpOption(), new VersionOption(), check,
        };

        // The caller acts on the result. Without an action, System.CommandLine demands a subcommand.
        root.SetAction(_ => 0);
        check.SetAction(_ => 0);
        var result = root.Parse(args);
        var isCheck = result.CommandResult.Command == check;

        // The first only: those that follow are often its consequences.
        var first = result.Errors is [var parsing, ..] ? parsing.Message : isCheck ? null : Errors(result).FirstOrDefault();
        if (first is { } error)
        {
            Output.Fail(error);
            Output.Error.WriteLine($"Try '{Name}{(isCheck ? " check" : "")} --help'.");
            exitCode = UsageError;
            return null;
        }

        if (result.Action != root.Action && result.Action != check.Action)
        {
            Output.Standard.WriteLine(Run(result, out exitCode)); // --help and --version
            return null;
        }

        exitCode = 0;
        return isCheck ? CheckCommand.Read(result) : Read(result);
    }

    private static Arguments Read(ParseResult result) => new(
        result.GetValue(Cert) is { } cert ? PairOf(cert, result.GetValue(Key), result.GetValue(Password)) : null,
        result.GetValue(Address)!,
        result.GetValue(Port),
        result.GetValue(Every),
        result.GetValue(Rotations),
        result.GetValue(MaxConnections));

    private static string Run(ParseResult result, out int exitCode)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        exitCode = result.Invoke(new InvocationConfiguration { Output = output });
        return output.ToString().TrimEnd();
    }

    private static IEnumerable<string> Errors(ParseResult result)
    {
        var serves = Given(Cert);
        foreach (var option in (Option[])[Key, Password])
        {
            if (!serves && Given(option))
                yield return $"{option.Name} needs --cert.";
        }

        foreach (var option in (Option[])[Every, Rotations])
        {
            if (serves && Given(option))
                yield return $"{option.Name} is an option of the demonstration; it cannot be combined with --cert.";
        }

        if (!serves && Given(Address))
            yield return "--address needs --cert; the demonstration listens on 127.0.0.1.";

        bool Given(Option option) => result.GetResult(option) is { Implicit: false };
    }
}
