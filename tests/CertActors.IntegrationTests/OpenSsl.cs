using System.ComponentModel;
using System.Diagnostics;

namespace CertActors.IntegrationTests;

/// <summary>A client that isn't .NET.</summary>
internal static class OpenSsl
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <summary>Runs <c>openssl s_client</c>, which ends with the handshake.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> ConnectAsync(int port, string version, params string[] options)
    {
        var start = new ProcessStartInfo("openssl", ["s_client", "-connect", $"127.0.0.1:{port}", version, .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var openssl = Process.Start(start)!;
            openssl.StandardInput.Close();
            var (output, errors) = (openssl.StandardOutput.ReadToEndAsync(), openssl.StandardError.ReadToEndAsync());
            try
            {
                await openssl.WaitForExitAsync().WaitAsync(Generous);
            }
            finally
            {
                openssl.Kill(); // Nothing happens where it has ended.
            }

            return (openssl.ExitCode, await output, await errors);
        }
        catch (Win32Exception)
        {
            throw new InvalidOperationException("This test needs the openssl command: install OpenSSL.");
        }
    }
}
