using System.Text;
using Akka.Configuration;

namespace CertActors.Configuration;

/// <summary>The options that the HOCON configuration of an actor system has. The <c>reference.conf</c> beside the sources describes every key.</summary>
internal sealed class HoconOptions
{
    private const string Section = "certactors";
    private const string PairDefaults = "certificate-defaults";
    private const string BundleDefaults = "trust-bundle-defaults";

    private readonly List<string> _errors = [];
    private readonly IOptionNode? _pairDefaults;
    private readonly IOptionNode? _bundleDefaults;

    private HoconOptions(IOptionNode section)
    {
        var reader = new OptionReader(KeyOf, _errors);
        _pairDefaults = Find(section, PairDefaults);
        _bundleDefaults = Find(section, BundleDefaults);

        // For their errors, which are reported once, and not for each pair.
        Read(reader, _pairDefaults, new CertificateOptions());
        Read(reader, _bundleDefaults, new TrustBundleOptions());
        reader.Read(section, Options, NewPair, NewBundle, PairDefaults, BundleDefaults);
    }

    /// <summary>The pairs, trust bundles and what applies to all of them.</summary>
    public CertificatesOptions Options { get; } = new();

    public IReadOnlyList<string> Errors => _errors;

    /// <summary>What a key has for a default that nothing in the actor system's configuration sets.</summary>
    public static Config Reference { get; } = ConfigurationFactory.FromResource("CertActors.reference.conf", typeof(CertificatesOptions).Assembly);

    /// <param name="config">The configuration of an actor system.</param>
    public static HoconOptions Of(Config config) =>
        new(new HoconNode(Section, config.GetConfig(Section).SafeWithFallback(Reference.GetConfig(Section)).Root));

    /// <summary>A pair with the defaults of the configuration.</summary>
    public CertificateOptions NewPair() => Read(new OptionReader(KeyOf, []), _pairDefaults, new CertificateOptions());

    /// <summary>A trust bundle with the defaults of the configuration.</summary>
    public TrustBundleOptions NewBundle() => Read(new OptionReader(KeyOf, []), _bundleDefaults, new TrustBundleOptions());

    /// <exception cref="CertificateOptionsException">Every error of the configuration, and of the options that it has.</exception>
    public CertificatesOptions Validated()
    {
        try
        {
            var validated = Options.Validated();
            return _errors.Count == 0 ? validated : throw new CertificateOptionsException([]);
        }
        catch (CertificateOptionsException invalid)
        {
            throw new CertificateOptionsException([.. _errors, .. invalid.Errors]);
        }
    }

    /// <returns>The key of an option: <c>debounce-window</c> for <c>DebounceWindow</c>.</returns>
    public static string KeyOf(string option)
    {
        var key = new StringBuilder();
        foreach (var c in option)
        {
            if (char.IsAsciiLetterUpper(c) && key.Length > 0)
                key.Append('-');
            key.Append(char.ToLowerInvariant(c));
        }

        return key.ToString();
    }

    private static T Read<T>(OptionReader reader, IOptionNode? defaults, T options)
        where T : notnull
    {
        if (defaults is not null)
            reader.Read(defaults, options);
        return options;
    }

    private static IOptionNode? Find(IOptionNode section, string key) => section.Children.FirstOrDefault(child => child.Key == key).Node;
}
