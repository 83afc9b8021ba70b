using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace CertActors.Reloading.Formats;

/// <summary>The password in a file: UTF-8, without the line break that editors and <c>echo</c> append. Zeroed when disposed of.</summary>
internal sealed class PasswordText : IDisposable
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly char[] _characters;
    private readonly int _length;

    private PasswordText(char[] characters, int length)
    {
        _characters = characters;
        _length = length;
    }

    public ReadOnlySpan<char> Span => _characters.AsSpan(0, _length);

    /// <exception cref="RejectedException">The file is not UTF-8.</exception>
    public static PasswordText Read(string path, ReadOnlySpan<byte> file)
    {
        if (file is [.., (byte)'\n'])
            file = file[..^1];
        if (file is [.., (byte)'\r'])
            file = file[..^1];

        // Pinned, as the garbage collector would leave copies when it compacts.
        var characters = GC.AllocateUninitializedArray<char>(file.Length, pinned: true);
        try
        {
            return new PasswordText(characters, Strict.GetChars(file, characters));
        }
        catch (DecoderFallbackException)
        {
            // The decoder's exception is left out, as it quotes bytes of the password.
            Zero(characters);
            throw new RejectedException(RejectionReason.PasswordWrong, $"{path} is not UTF-8; write only the password to it, as UTF-8.");
        }
    }

    public void Dispose() => Zero(_characters);

    private static void Zero(char[] characters) => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(characters.AsSpan()));
}
