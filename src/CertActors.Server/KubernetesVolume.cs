using System.ComponentModel;
using System.Runtime.InteropServices;

namespace CertActors.Server;

/// <summary>
/// A directory with the layout of a Kubernetes secret volume: the files are links through <c>..data</c>, which is itself a link to the directory
/// of one version, and which a rename replaces.
/// </summary>
internal sealed partial class KubernetesVolume(string directory)
{
    private string? _version;

    public string CertificatePath => Path.Combine(directory, "tls.crt");

    public string KeyPath => Path.Combine(directory, "tls.key");

    /// <summary>Replaces the pair, and removes the previous version.</summary>
    public void Write(SelfMadePair pair)
    {
        var version = $"..{Guid.NewGuid():n}";
        var inside = Directory.CreateDirectory(Path.Combine(directory, version)).FullName;
        File.WriteAllText(Path.Combine(inside, "tls.crt"), pair.CertificatePem);
        var key = Path.Combine(inside, "tls.key");
        File.WriteAllText(key, pair.KeyPem);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(key, UnixFileMode.UserRead); // As defaultMode: 0400.

        var next = Path.Combine(directory, "..data_tmp");
        File.CreateSymbolicLink(next, version);
        Replace(next, Path.Combine(directory, "..data"));

        if (_version is null)
        {
            File.CreateSymbolicLink(CertificatePath, Path.Combine("..data", "tls.crt"));
            File.CreateSymbolicLink(KeyPath, Path.Combine("..data", "tls.key"));
        }
        else
        {
            Directory.Delete(Path.Combine(directory, _version), recursive: true);
        }

        _version = version;
    }

    /// <summary>rename(2): <see cref="File.Move(string, string, bool)"/> does not move a link to a directory.</summary>
    public static void Replace(string source, string target)
    {
        if (Rename(source, target) != 0)
            throw new Win32Exception();
    }

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string source, string target);
}
