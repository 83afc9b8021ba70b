using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Text;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>
/// An HTTPS server on OpenSSL whose tickets outlive its certificate, as those of servers on Go's crypto/tls do. SslStream's don't: its tickets belong to
/// the certificate.
/// </summary>
internal sealed class TicketKeepingServer : IDisposable
{
    private const string Library = "libssl.so.3";
    private const int PemFile = 1; // SSL_FILETYPE_PEM
    private const int SetMaxVersion = 124; // SSL_CTRL_SET_MAX_PROTO_VERSION
    private const int Tls12 = 0x0303;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly nint _context = SSL_CTX_new(TLS_server_method());
    private readonly Thread _thread;
    private volatile bool _isDisposed;

    public TicketKeepingServer(SslProtocols version, TestPair certificate)
    {
        if (version == SslProtocols.Tls12)
            Assert.Equal(1, SSL_CTX_ctrl(_context, SetMaxVersion, Tls12, 0));
        Use(certificate);
        _listener.Start();
        Address = new Uri($"https://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _thread = new Thread(Serve) { IsBackground = true };
        _thread.Start();
    }

    public Uri Address { get; }

    /// <summary>Whether the last handshake has resumed a session.</summary>
    public bool HasResumed { get; private set; }

    /// <summary>Replaces the certificate, for full handshakes. No request is served meanwhile.</summary>
    public void Use(TestPair certificate)
    {
        var file = Path.Combine(_directory.FullName, "pair.pem");
        File.WriteAllText(file, certificate.CertificatePem + certificate.KeyPem);
        Assert.Equal(1, SSL_CTX_use_certificate_chain_file(_context, file));
        Assert.Equal(1, SSL_CTX_use_PrivateKey_file(_context, file, PemFile));
    }

    public void Dispose()
    {
        _isDisposed = true;
        _listener.Stop();
        _thread.Join();
        SSL_CTX_free(_context);
        _directory.Delete(recursive: true);
    }

    private void Serve()
    {
        try
        {
            while (true)
            {
                using var connection = _listener.AcceptSocket();
                ServeOne(connection);
            }
        }
        catch (Exception error) when (_isDisposed && error is SocketException or InvalidOperationException)
        {
            // The listener has stopped.
        }
    }

    private void ServeOne(Socket connection)
    {
        var tls = SSL_new(_context);
        _ = SSL_set_fd(tls, (int)connection.Handle);
        if (SSL_accept(tls) == 1)
        {
            HasResumed = SSL_session_reused(tls) == 1;
            var buffer = new byte[4096];
            if (SSL_read(tls, buffer, buffer.Length) > 0)
            {
                var answer = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
                _ = SSL_write(tls, answer, answer.Length);
            }
        }

        SSL_free(tls);
    }

    [DllImport(Library)]
    private static extern nint TLS_server_method();

    [DllImport(Library)]
    private static extern nint SSL_CTX_new(nint method);

    [DllImport(Library)]
    private static extern void SSL_CTX_free(nint context);

    [DllImport(Library)]
    private static extern nint SSL_CTX_ctrl(nint context, int command, nint argument, nint pointer);

    [DllImport(Library, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int SSL_CTX_use_certificate_chain_file(nint context, [MarshalAs(UnmanagedType.LPStr)] string file);

    [DllImport(Library, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int SSL_CTX_use_PrivateKey_file(nint context, [MarshalAs(UnmanagedType.LPStr)] string file, int type);

    [DllImport(Library)]
    private static extern nint SSL_new(nint context);

    [DllImport(Library)]
    private static extern void SSL_free(nint tls);

    [DllImport(Library)]
    private static extern int SSL_set_fd(nint tls, int descriptor);

    [DllImport(Library)]
    private static extern int SSL_accept(nint tls);

    [DllImport(Library)]
    private static extern int SSL_session_reused(nint tls);

    [DllImport(Library)]
    private static extern int SSL_read(nint tls, byte[] buffer, int length);

    [DllImport(Library)]
    private static extern int SSL_write(nint tls, byte[] buffer, int length);
}
