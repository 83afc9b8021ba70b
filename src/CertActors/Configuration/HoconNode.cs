using System.Globalization;
using Akka.Configuration.Hocon;

namespace CertActors.Configuration;

/// <summary>A place in a HOCON configuration.</summary>
internal sealed class HoconNode(string path, HoconValue value) : IOptionNode
{
    public string Path => path;

    public string? Value => value.IsString() ? value.GetString() : null;

    public IReadOnlyList<(string Key, IOptionNode Node)> Children =>
        value.IsObject() ? [.. value.GetObject().Items.Select(item => Child(item.Key, item.Value))]
        : value.IsArray() ? [.. value.GetArray().Select((item, i) => Child(i.ToString(CultureInfo.InvariantCulture), item))]
        : [];

    private (string Key, IOptionNode Node) Child(string key, HoconValue child) => (key, new HoconNode($"{path}.{key}", child));
}
