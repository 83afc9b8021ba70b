using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace CertActors.Server;

/// <summary>Parse the values of options. What an option cannot take is an error in one line that says what it takes.</summary>
internal static class OptionParsers
{
    public static string? Path(ArgumentResult argument)
    {
        if (!string.IsNullOrWhiteSpace(TextOf(argument)))
            return TextOf(argument);
        argument.AddError($"{NameOf(argument)} must be the path of a file.");
        return null;
    }

    public static IPAddress? Address(ArgumentResult argument)
    {
        if (IPAddress.TryParse(TextOf(argument), out var address))
            return address;
        argument.AddError($"{NameOf(argument)} must be an IP address, not '{TextOf(argument)}'.");
        return null;
    }

    public static string[] Paths(ArgumentResult argument)
    {
        string[] paths = [.. argument.Tokens.Select(token => token.Value)];
        if (paths.Any(string.IsNullOrWhiteSpace))
            argument.AddError($"{NameOf(argument)} must be the path of a file.");
        return paths;
    }

    public static ClientCertificates AllowOrRequire(ArgumentResult argument)
    {
        if (TextOf(argument) == "allow")
            return ClientCertificates.Allow;
        if (TextOf(argument) != "require")
            argument.AddError($"{NameOf(argument)} must be allow or require, not '{TextOf(argument)}'.");
        return ClientCertificates.Require;
    }

    public static IPNetwork[] Networks(ArgumentResult argument)
    {
        List<IPNetwork> networks = [];
        foreach (var token in argument.Tokens)
        {
            if (IPNetwork.TryParse(token.Value, out var network))
                networks.Add(Plain(network));
            else
                argument.AddError($"{NameOf(argument)} must be a network such as 10.0.0.0/8, not '{token.Value}'.");
        }

        return [.. networks];

        // Clients' addresses are compared in this form.
        static IPNetwork Plain(IPNetwork network) => network is { BaseAddress.IsIPv4MappedToIPv6: true, PrefixLength: >= 96 }
            ? new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - 96)
            : network;
    }

    /// <returns>A parser of host names that are separated by commas.</returns>
    public static string[] HostNames(ArgumentResult argument)
    {
        string[] names = [.. argument.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries))];
        foreach (var name in names.Where(name => Uri.CheckHostName(name) is UriHostNameType.Unknown or UriHostNameType.Basic))
            argument.AddError($"{NameOf(argument)} has '{name}', which is not a host name.");
        return names;
    }

    /// <returns>A parser of whole numbers.</returns>
    public static Func<ArgumentResult, int> Number(int min, int max = int.MaxValue) => argument =>
    {
        if (int.TryParse(TextOf(argument), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
            return number;
        argument.AddError($"{NameOf(argument)} must be a number {(max == int.MaxValue ? $"of at least {min}" : $"between {min} and {max}")}, not '{TextOf(argument)}'.");
        return 0;
    };

    /// <param name="min">The least, in the form of the option's value: a number and a unit (ms, s, m, h or d).</param>
    /// <param name="max">The most.</param>
    /// <param name="example">An example.</param>
    /// <returns>A parser of durations.</returns>
    public static Func<ArgumentResult, TimeSpan> Duration(string min, string max, string example) => argument =>
    {
        if (DurationOf(TextOf(argument)) is { } duration && duration >= DurationOf(min) && duration <= DurationOf(max))
            return duration;
        argument.AddError($"{NameOf(argument)} must be a time between {min} and {max}, such as {example}, not '{TextOf(argument)}'.");
        return default;
    };

    private static TimeSpan? DurationOf(string text)
    {
        foreach (var (unit, seconds) in ((string, double)[])[("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)])
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
                && count * seconds < TimeSpan.MaxValue.TotalSeconds)
            {
                return TimeSpan.FromSeconds(count * seconds);
            }
        }

        return null;
    }

    private static string NameOf(ArgumentResult argument) => ((OptionResult)argument.Parent!).Option.Name;

    private static string TextOf(ArgumentResult argument) => argument.Tokens[0].Value;
}
