using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>A format of certificate and key files. <see cref="PairParser"/> lists those that are supported.</summary>
internal interface IKeyPairFormat
{
    /// <summary>Whether the format encrypts certificates as it does keys, so that reading them takes key derivations.</summary>
    bool EncryptsCertificates { get; }

    /// <summary>Whether a file is of this format, by its content.</summary>
    bool Recognizes(ReadOnlySpan<byte> content);

    /// <param name="path">The file's path, for messages.</param>
    /// <param name="content">What the file contains. Disposed of by the caller, after the result.</param>
    /// <param name="password">The password; null if none is configured.</param>
    /// <param name="maxIterations">How many iterations of key derivation reading the file may take.</param>
    /// <exception cref="RejectedException">The file is damaged, cannot be decrypted, or is not supported.</exception>
    IKeyPairFile Open(string path, SecretBuffer content, PasswordText? password, int maxIterations);
}

/// <summary>A file with certificates, a private key, or both.</summary>
internal interface IKeyPairFile : IDisposable
{
    /// <returns>All certificates, in the order of the file. The caller disposes of them.</returns>
    /// <exception cref="RejectedException">The file contains no certificate, or a damaged one.</exception>
    X509Certificate2Collection ReadCertificates();

    /// <param name="certificates">The certificates that the key may belong to: an encrypted key does not reveal its type.</param>
    /// <returns>The first key of the file, an RSA or ECDSA key that <see cref="PrivateKey"/> has checked. The caller disposes of it.</returns>
    /// <exception cref="RejectedException">The file contains no key, or one that cannot be used.</exception>
    AsymmetricAlgorithm ReadKey(X509Certificate2Collection certificates);
}
