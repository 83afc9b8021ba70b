using CsCheck;

namespace CertActors.Tests.Support;

/// <inheritdoc/>
internal interface IFileSteps : IFileChanges
{
    string? ReadText(string path);

    void Rename(string from, string to);
}

/// <summary>Random things that operators, scripts and controllers do to the files of a pair at <c>/certs</c>.</summary>
internal static class FileSteps
{
    public const string Certificate = "/certs/tls.crt";
    public const string Key = "/certs/tls.key";

    private static readonly TestPair[] Pairs = [TestPair.Make(), TestPair.Make(), TestPair.Make()];
    private static readonly string[] Directories = ["/certs", "/v0", "/v1", "/certs/..v0", "/certs/..v1"];

    private static readonly (string Path, string Target)[] Links =
    [
        ("/certs", "v0"), ("/certs", "/v1"),
        ("/certs/..data", "..v0"), ("/certs/..data", "..v1"),
        (Certificate, "..data/tls.crt"), (Key, "..data/tls.key"),
        (Certificate, "../v0/tls.crt"), (Key, "/v0/tls.key"),
        (Certificate, "nowhere"), ("/certs/..data", "..data"),
    ];

    private static readonly Gen<string> Directory = OneOf(Directories);
    private static readonly Gen<TestPair> Pair = OneOf(Pairs);

    /// <summary>A step: what it's called, and what it does.</summary>
    public static Gen<(string Name, Action<IFileSteps> Do)> Any { get; } = Gen.Frequency(
        (4, Gen.Select(Directory, Pair, (directory, pair) => Step($"write {pair.Sha256[..4]} to {directory}", files =>
        {
            files.Write(directory + "/tls.crt", pair.CertificatePem);
            files.Write(directory + "/tls.key", pair.KeyPem);
        }))),
        (3, Gen.Select(Directory, Pair, (directory, pair) => Step($"rename {pair.Sha256[..4]} into {directory}", files =>
        {
            files.WriteByRename(directory + "/tls.key", pair.KeyPem);
            files.WriteByRename(directory + "/tls.crt", pair.CertificatePem);
        }))),
        (1, Gen.Select(Directory, Pair, (directory, pair) => Step($"write half of {pair.Sha256[..4]} to {directory}", files =>
            files.Write(directory + "/tls.crt", pair.CertificatePem)))),
        (1, Directory.Select(directory => Step($"write garbage to {directory}", files => files.Write(directory + "/tls.key", "garbage")))),
        (4, OneOf(Links).Select(link => Step($"link {link.Path} to {link.Target}", files => files.Link(link.Path, link.Target)))),
        (3, Directory.Select(directory => Step($"make {directory}", files => files.MakeDirectory(directory)))),
        (1, OneOf([.. Directories, Certificate, Key, "/certs/..data"]).Select(path => Step($"delete {path}", files => files.Delete(path)))),
        (2, Gen.Select(Directory, Directory, (from, to) => Step($"rename {from} to {to}", files => files.Rename(from, to)))));

    /// <summary>The pair that the paths lead to; null if that is a bad one or none.</summary>
    public static string? Resolve(IFileSteps files)
    {
        var (certificate, key) = (files.ReadText(Certificate), files.ReadText(Key));
        return Pairs.FirstOrDefault(pair => pair.CertificatePem == certificate && pair.KeyPem == key)?.Sha256;
    }

    private static Gen<T> OneOf<T>(T[] of) => Gen.Int[0, of.Length - 1].Select(i => of[i]);

    private static (string Name, Action<IFileSteps> Do) Step(string name, Action<IFileSteps> step) => (name, step);
}
