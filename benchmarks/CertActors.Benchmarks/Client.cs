using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using CertActors.IntegrationTests;

namespace CertActors.Benchmarks;

/// <summary>Makes handshakes from outside the server's process.</summary>
internal static class Client
{
    /// <summary>A full handshake.</summary>
    /// <returns>The SHA-256 of the leaf that was served.</returns>
    public static async Task<string> ShakeHandsAsync(int port)
    {
        using var tls = await ConnectAsync(port);
        return Convert.ToHexStringLower(SHA256.HashData(tls.RemoteCertificate!.GetRawCertData()));
    }

    /// <summary>A full handshake with a client certificate. With TLS 1.3 it is verified after the end of the handshake at the client.</summary>
    public static async Task ShakeHandsAsync(int port, SslStreamCertificateContext client)
    {
        using var tls = await ConnectAsync(port, client);
        await tls.ShutdownAsync();
        if (await tls.ReadAsync(new byte[1]) > 0)
            throw new InvalidOperationException("the server has sent something that it wasn't asked for");
    }

    /// <summary>A handshake that may resume the session of the one before with the same name, and waits for the ticket of its own.</summary>
    /// <returns>Whether the session was resumed.</returns>
    public static async Task<bool> ResumeAsync(int port, string name, SslStreamCertificateContext? certificate)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        using var recorder = new HandshakeRecorder(client.GetStream());
        using var tls = new SslStream(recorder);
        await tls.AuthenticateAsClientAsync(Options(certificate, name));
        await tls.ShutdownAsync();
        if (await tls.ReadAsync(new byte[1]) > 0)
            throw new InvalidOperationException("the server has sent something that it wasn't asked for");
        return recorder.IsResumed;
    }

    /// <summary>A connection, after a full handshake.</summary>
    /// <param name="port">The port of the server.</param>
    /// <param name="certificate">The certificate of the client; null for none.</param>
    /// <param name="resumable">The name of the server, if the session may be resumed; null if not.</param>
    public static async Task<SslStream> ConnectAsync(int port, SslStreamCertificateContext? certificate = null, string? resumable = null)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(Options(certificate, resumable));
        return tls;
    }

    private static SslClientAuthenticationOptions Options(SslStreamCertificateContext? certificate, string? resumable) => new()
    {
        TargetHost = resumable ?? "localhost",
        AllowTlsResume = resumable is not null,
        ClientCertificateContext = certificate,
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
    };

    /// <summary>An HTTP/1.1 request on an open connection.</summary>
    /// <returns>The response, which must come in one piece.</returns>
    public static async Task<string> GetAsync(SslStream tls, string path)
    {
        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        var response = new byte[1024];
        return Encoding.ASCII.GetString(response, 0, await tls.ReadAsync(response));
    }

    /// <summary>Starts a .NET program, and reads the port that it prints in an address.</summary>
    public static async Task<(Process Server, int Port)> StartServerAsync(params string[] command)
    {
        var server = Process.Start(new ProcessStartInfo("dotnet", command) { RedirectStandardOutput = true })!;
        while (await server.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ', ';').FirstOrDefault(word => word.StartsWith("https://", StringComparison.Ordinal)) is { } address)
            {
                _ = server.StandardOutput.ReadToEndAsync();
                return (server, new Uri(address).Port);
            }
        }

        throw new InvalidOperationException($"the server {command[0]} has ended without listening");
    }
}
