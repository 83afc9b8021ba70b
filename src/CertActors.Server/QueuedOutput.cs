using System.Text;

namespace CertActors.Server;

/// <summary>
/// Writes lines to a stream that may block or fail, on a thread of its own, so that a pipe without a reader or a full disk blocks no caller.
/// Lines are dropped and counted when the queue is full or the write fails.
/// </summary>
internal sealed class QueuedOutput
{
    private const int MaxWaiting = 1024;

    private readonly object _lock = new();
    private readonly Stream _stream;
    private List<string> _waiting = [];
    private long _dropped;
    private bool _isWriting;
    private bool _isCut;

    public QueuedOutput(Stream stream)
    {
        _stream = stream;
        new Thread(Run) { IsBackground = true, Name = "certactors-output" }.Start();
    }

    public void WriteLine(string line)
    {
        lock (_lock)
        {
            if (_waiting.Count == MaxWaiting)
            {
                _dropped++;
                return;
            }

            _waiting.Add(line);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until all lines are written, or the time limit is reached.</summary>
    public void Flush(TimeSpan timeLimit)
    {
        var end = Environment.TickCount64 + (long)timeLimit.TotalMilliseconds;
        lock (_lock)
        {
            while ((_isWriting || _waiting.Count > 0) && end - Environment.TickCount64 is > 0 and var left)
                Monitor.Wait(_lock, (int)left);
        }
    }

    private void Run()
    {
        while (true)
        {
            var (lines, dropped) = Take();
            foreach (var line in lines)
            {
                if (!TryWrite(line))
                    Drop(1);
            }

            if (dropped > 0 && !TryWrite($"certactors: {dropped} lines were dropped because they could not be written."))
                Drop(dropped);
        }
    }

    private bool TryWrite(string line)
    {
        try
        {
            // The failed line may have been written in part.
            _stream.Write(Encoding.UTF8.GetBytes((_isCut ? Environment.NewLine : "") + line + Environment.NewLine));
            _isCut = false;
            return true;
        }
        catch (Exception)
        {
            _isCut = true;
            return false;
        }
    }

    private void Drop(long count)
    {
        lock (_lock)
            _dropped += count;
    }

    private (List<string> Lines, long Dropped) Take()
    {
        lock (_lock)
        {
            _isWriting = false;
            Monitor.PulseAll(_lock);
            while (_waiting.Count == 0)
                Monitor.Wait(_lock);
            var taken = (_waiting, _dropped);
            (_waiting, _dropped, _isWriting) = ([], 0, true);
            return taken;
        }
    }
}
