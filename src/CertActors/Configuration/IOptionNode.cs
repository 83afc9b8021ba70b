namespace CertActors.Configuration;

/// <summary>A place in a configuration, of whichever kind: it has a value, or other places below it.</summary>
internal interface IOptionNode
{
    /// <summary>Where it is, for people.</summary>
    string Path { get; }

    /// <summary>Its value; null if it has none.</summary>
    string? Value { get; }

    /// <summary>The places below it, by key; those of a list, by index.</summary>
    IReadOnlyList<(string Key, IOptionNode Node)> Children { get; }
}
