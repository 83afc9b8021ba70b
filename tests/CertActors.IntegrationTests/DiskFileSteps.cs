using System.ComponentModel;
using CertActors.Disk;
using CertActors.Server;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>The steps on a real disk, under a root that stands for "/".</summary>
internal sealed class DiskFileSteps(string root) : IFileSteps
{
    public string? ReadText(string path)
    {
        string? text = null;
        Try(() => text = File.ReadAllText(On(path)));
        return text;
    }

    public void Write(string path, string text) => Try(() => File.WriteAllText(On(path), text));

    public void WriteByRename(string path, string text) => Try(() =>
    {
        var next = Path.Combine(root, "next");
        File.Delete(next);
        File.WriteAllText(next, text);
        File.Move(next, On(path), overwrite: true);
    });

    public void Link(string path, string target) => Try(() =>
    {
        var next = Path.Combine(root, "next");
        File.Delete(next);
        File.CreateSymbolicLink(next, target[0] == '/' ? On(target) : target);
        KubernetesVolume.Replace(next, On(path));
    });

    public void MakeDirectory(string path) => Try(() =>
    {
        // One level, as mkdir(2) has it.
        if (Directory.Exists(Path.GetDirectoryName(On(path))))
            Directory.CreateDirectory(On(path));
    });

    public void Delete(string path) => Try(() =>
    {
        if (DiskFiles.Instance.Stat(On(path)) is { Kind: FileKind.Directory })
            Directory.Delete(On(path), recursive: true);
        else
            File.Delete(On(path));
    });

    public void Rename(string from, string to) => Try(() =>
    {
        if (DiskFiles.Instance.Stat(On(from)) is { Kind: FileKind.Link })
        {
            if (DiskFiles.Instance.Stat(On(to)) is null)
                KubernetesVolume.Replace(On(from), On(to));
        }
        else
        {
            Directory.Move(On(from), On(to));
        }
    });

    private string On(string path) => root + path;

    private static void Try(Action step)
    {
        try
        {
            step();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or Win32Exception)
        {
            // As the file system refuses it.
        }
    }
}
