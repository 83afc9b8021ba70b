using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>PEM files with certificates, keys, or both.</summary>
internal sealed class PemFormat : IKeyPairFormat
{
    public bool EncryptsCertificates => false;

    /// <returns>True for every file: as any text may surround the blocks, a file without a block is PEM without a certificate or key.</returns>
    public bool Recognizes(ReadOnlySpan<byte> content) => true;

    public IKeyPairFile Open(string path, SecretBuffer content, PasswordText? password, int maxIterations) =>
        new PemFile(path, content, password, maxIterations);

    private sealed class PemFile(string path, SecretBuffer content, PasswordText? password, int maxIterations) : IKeyPairFile
    {
        private readonly PemBlocks _blocks = new(
            path, label => label == PemBlocks.CertificateLabel || PrivateKey.Labels.Contains(label), "'CERTIFICATE' and 'PRIVATE KEY' blocks");

        public X509Certificate2Collection ReadCertificates()
        {
            X509Certificate2Collection certificates = [];
            try
            {
                _blocks.ForEach(content.Span, RejectionReason.CertificateMalformed, (label, der) =>
                {
                    if (label == PemBlocks.CertificateLabel)
                        certificates.Add(X509CertificateLoader.LoadCertificate(der));
                });
                return certificates.Count > 0 ? certificates : throw Missing(RejectionReason.CertificateMalformed, "certificate", "the leaf and its chain");
            }
            catch (Exception error)
            {
                foreach (var certificate in certificates)
                    certificate.Dispose();
                if (error is CryptographicException)
                    throw _blocks.Malformed(PemBlocks.CertificateLabel, RejectionReason.CertificateMalformed);
                throw;
            }
        }

        public AsymmetricAlgorithm ReadKey(X509Certificate2Collection certificates)
        {
            AsymmetricAlgorithm? key = null;
            try
            {
                _blocks.ForEach(content.Span, RejectionReason.KeyMalformed, (label, der) =>
                {
                    if (key is null && PrivateKey.Labels.Contains(label))
                        key = PrivateKey.Import(path, label, der, password, maxIterations, certificates);
                });
            }
            catch
            {
                key?.Dispose();
                throw;
            }

            return key ?? throw Missing(RejectionReason.KeyMalformed, "private key", "the leaf's key");
        }

        public void Dispose()
        {
            // The content is the caller's.
        }

        private RejectedException Missing(RejectionReason reason, string what, string toWrite) =>
            new(reason, $"{path} contains no {what}{PemBlocks.Hint(content.Span)}; write {toWrite} to it, as PEM or PKCS#12.");
    }
}
