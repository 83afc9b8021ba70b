using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using CertActors.Diagnostics;

namespace CertActors.Configuration;

/// <summary>
/// Reads options from a configuration. Unlike the binder of .NET, it reports every unknown key and bad value at once, with where it is and what is
/// expected; a list replaces a default one; and a pair may have its name as its key.
/// </summary>
/// <param name="keyOf">The key of an option, by its name. Keys are compared without regard to case.</param>
/// <param name="errors">Gets what is wrong.</param>
internal sealed class OptionReader(Func<string, string> keyOf, List<string> errors)
{
    /// <summary>Adds the pairs and trust bundles of a configuration to the options, and sets what applies to all of them.</summary>
    /// <param name="root">The configuration.</param>
    /// <param name="options">The options.</param>
    /// <param name="newPair">Makes a pair with its defaults.</param>
    /// <param name="newBundle">Makes a trust bundle with its defaults.</param>
    /// <param name="otherKeys">Keys that are read elsewhere.</param>
    public void Read(
        IOptionNode root, CertificatesOptions options, Func<CertificateOptions> newPair, Func<TrustBundleOptions> newBundle, params string[] otherKeys)
    {
        foreach (var (key, node) in root.Children.Where(child => !otherKeys.Contains(child.Key, StringComparer.OrdinalIgnoreCase)))
        {
            if (Is(key, nameof(options.Certificates)))
                ReadAll(node, options.Certificates, newPair, (pair, name) => pair.Name = name);
            else if (Is(key, nameof(options.TrustBundles)))
                ReadAll(node, options.TrustBundles, newBundle, (bundle, name) => bundle.Name = name);
            else
                Set(key, node, options, otherKeys);
        }
    }

    /// <summary>Sets the options that a configuration has.</summary>
    public void Read(IOptionNode node, object options)
    {
        if (node.Children.Count == 0 && !string.IsNullOrEmpty(node.Value))
            errors.Add($"{node.Path} has a value, and must have the keys {Keys(options)}");
        foreach (var (key, child) in node.Children)
            Set(key, child, options);
    }

    /// <summary>Reads a list, or an object whose keys are the names of the elements.</summary>
    private void ReadAll<T>(IOptionNode node, IList<T> all, Func<T> create, Action<T, string> setName)
        where T : notnull
    {
        if (node.Children.Count == 0 && !string.IsNullOrEmpty(node.Value))
            errors.Add($"{node.Path} has a value, and must be a list, or have one key for each name");
        // A configuration of .NET does not distinguish a list from an object, and a name may be a number.
        var isList = node.Children.Index().All(child => child.Item.Key == child.Index.ToString(CultureInfo.InvariantCulture));
        foreach (var (key, child) in node.Children)
        {
            var one = create();
            if (!isList)
                setName(one, key);
            Read(child, one);
            all.Add(one);
        }
    }

    private void Set(string key, IOptionNode node, object options, params string[] otherKeys)
    {
        var property = OptionsOf(options).FirstOrDefault(property => Is(key, property.Name));

        // The value is not shown: it may be a password that somebody put where only paths belong.
        if (property is null)
            errors.Add($"{node.Path} is unknown; the keys are {Keys(options, otherKeys)}");
        else if (TryRead(node, property, out var value))
            property.SetValue(options, value);
    }

    private bool TryRead(IOptionNode node, PropertyInfo property, out object? value)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>))
            return TryReadList(node, type.GenericTypeArguments[0], out value);

        value = null;
        if (node.Children.Count > 0)
            return Refuse($"{node.Path} has keys below it, and must be a single value");
        if (node.Value is { Length: > 0 } text)
            return TryParse(node, text, type, out value);
        if (type == typeof(string) && new NullabilityInfoContext().Create(property).WriteState == NullabilityState.NotNull)
            value = "";
        return value is not null || type == typeof(string) || property.PropertyType != type || Refuse($"{node.Path} is empty, and must be {Expected(type)}");
    }

    private bool TryReadList(IOptionNode node, Type type, out object? list)
    {
        list = null;
        if (node.Children.Count == 0 && !string.IsNullOrEmpty(node.Value))
            return Refuse($"{node.Path} is '{Printable.Of(node.Value)}', and must be a list");

        var items = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(type))!;
        var isGood = true;
        foreach (var (_, child) in node.Children)
        {
            if (TryParse(child, child.Value ?? "", type, out var item))
                items.Add(item);
            else
                isGood = false;
        }

        list = items;
        return isGood;
    }

    private bool TryParse(IOptionNode node, string text, Type type, [NotNullWhen(true)] out object? value)
    {
        value = null;
        if (type == typeof(string))
            value = text;
        else if (type == typeof(TimeSpan))
            value = DurationText.TryParse(text, out var duration) ? duration : null;
        else if (type == typeof(bool))
            value = text.ToUpperInvariant() switch { "TRUE" or "ON" or "YES" => true, "FALSE" or "OFF" or "NO" => false, _ => null };
        else if (Enum.TryParse(type, text.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var named))
            value = named;
        return value is not null || Refuse($"{node.Path} is '{Printable.Of(text)}', and must be {Expected(type)}");
    }

    private bool Refuse(string error)
    {
        errors.Add(error);
        return false;
    }

    private static string Expected(Type type) =>
        type == typeof(TimeSpan) ? DurationText.Expected
        : type == typeof(bool) ? "true or false"
        : type.IsEnum ? $"one or more of {string.Join(", ", Enum.GetNames(type))}"
        : "text";

    private static IEnumerable<PropertyInfo> OptionsOf(object options) =>
        options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite);

    private bool Is(string key, string option) => string.Equals(key, keyOf(option), StringComparison.OrdinalIgnoreCase);

    private string Keys(object options, params string[] otherKeys) =>
        string.Join(", ", OptionsOf(options).Select(property => keyOf(property.Name)).Concat(otherKeys));
}
