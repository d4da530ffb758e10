// JDBC (pgjdbc): prepared statements that become named ones of the server, fetch sizes, savepoints, COPY, cancel.
// Run from source, with the driver on the class path.

import java.io.StringReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public final class Walk {
    private static final int ID = Integer.parseInt(System.getenv("WALK_ID"));
    private static final String LONG =
            "SELECT count(*) FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b";

    private interface Work {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection connection = connect()) {
            reads(connection);
            refusals(connection);
            transactions(connection);
            many(connection);
            cancelled(connection);
            held(connection);
        }
    }

    private static Connection connect() throws SQLException {
        Properties settings = new Properties();
        settings.setProperty("user", System.getenv("PGUSER"));
        settings.setProperty("password", System.getenv("PGPASSWORD"));
        settings.setProperty("sslmode", "verify-full");
        settings.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        String url = String.format(
                "jdbc:postgresql://%s:%s/%s",
                System.getenv("PGHOST"), System.getenv("PGPORT"), System.getenv("PGDATABASE"));
        return DriverManager.getConnection(url, settings);
    }

    private static void reads(Connection connection) throws Exception {
        // From the fifth run on the driver uses a statement with a name, and results in binary.
        try (PreparedStatement byId =
                connection.prepareStatement("SELECT ssn, balance, id FROM customers WHERE id = ?")) {
            for (int id = 1; id < 13; id++) {
                byId.setInt(1, id);
                try (ResultSet row = byId.executeQuery()) {
                    equal(row.next(), true);
                    equal(row.getString(1), "***-**-432" + id % 10);
                    equal(row.getBigDecimal(2).doubleValue(), id * 1.5);
                    equal(row.getInt(3), id);
                }
            }
        }
        // Two statements in one text.
        try (Statement statement = connection.createStatement()) {
            equal(statement.execute("SELECT 1; SELECT ssn FROM customers WHERE id = 3"), true);
            equal(statement.getMoreResults(), true);
            statement.getResultSet().next();
            equal(statement.getResultSet().getString(1), "***-**-4323");
        }
        // In portions, which needs a transaction.
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(300);
            int count = 0;
            try (ResultSet rows = statement.executeQuery("SELECT id, ssn FROM customers ORDER BY id")) {
                while (rows.next()) {
                    count++;
                    equal(rows.getString(2), "***-**-432" + count % 10);
                }
            }
            equal(count, 1000);
            statement.setFetchSize(0);
            try (ResultSet rows = statement.executeQuery(
                    "SELECT n, c.ssn FROM generate_series(1, 50000) n JOIN customers c ON c.id = 1 + n % 1000")) {
                for (count = 0; rows.next(); count++) {
                    equal(rows.getString(2).startsWith("***-**-432"), true);
                }
            }
            equal(count, 50000);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    private static void refusals(Connection connection) throws Exception {
        ServerErrorMessage drop = refused("42501", () -> execute(connection, "DROP TABLE orders"));
        equal(drop.getMessage().contains("clients.no_schema"), true);
        equal(drop.getHint(), "Ask for a migration");
        refused("23505", () -> execute(connection, "INSERT INTO orders VALUES (" + ID + ", 1, 'again', 1, 'new')"));
        refused("42601", () -> execute(connection, "SELEC 1"));
    }

    private static void transactions(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        execute(connection, "UPDATE orders SET item = 'undone' WHERE id = " + ID);
        refused("42501", () -> execute(connection, "DROP TABLE orders"));
        refused("25P02", () -> execute(connection, "SELECT 1"));
        connection.rollback();
        equal(item(connection), "item-" + ID);
        execute(connection, "UPDATE orders SET item = 'jdbc' WHERE id = " + ID);
        Savepoint before = connection.setSavepoint();
        refused("42501", () -> execute(connection, "DROP TABLE orders"));
        connection.rollback(before);
        connection.commit();
        connection.setAutoCommit(true);
        equal(item(connection), "jdbc");
    }

    private static void many(Connection connection) throws Exception {
        try (PreparedStatement insert =
                connection.prepareStatement("INSERT INTO orders VALUES (?, 1, 'many', 1, 'new')")) {
            for (int n = 0; n < 50; n++) {
                insert.setInt(1, ID * 1000 + n);
                insert.addBatch();
            }
            equal(insert.executeBatch().length, 50);
        }
        StringBuilder rows = new StringBuilder();
        for (int n = 50; n < 100; n++) {
            rows.append(ID * 1000 + n).append("\t1\tmany\t1\tnew\n");
        }
        long copied = connection.unwrap(PGConnection.class).getCopyAPI()
                .copyIn("COPY orders FROM STDIN", new StringReader(rows.toString()));
        equal(copied, 50L);
    }

    private static void cancelled(Connection connection) throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        try (Statement statement = connection.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    // Asked again until it meets the statement: one that comes early finds nothing to cancel.
                    while (!over.get()) {
                        Thread.sleep(200);
                        statement.cancel();
                    }
                } catch (InterruptedException | SQLException error) {
                    throw new IllegalStateException(error);
                }
            });
            canceller.start();
            refused("57014", () -> statement.executeQuery(LONG));
            over.set(true);
            canceller.join();
        }
        equal(item(connection), "jdbc");
    }

    private static void held(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            int changed = statement.executeUpdate("UPDATE payments SET status = 'jdbc' WHERE id = " + ID);
            equal(changed, 1);
            equal(statement.getWarnings().getMessage().contains("waiting for approval"), true);
        }
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static String item(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT item FROM orders WHERE id = " + ID)) {
            row.next();
            return row.getString(1);
        }
    }

    private static ServerErrorMessage refused(String code, Work work) throws Exception {
        try {
            work.run();
        } catch (PSQLException error) {
            equal(error.getSQLState(), code);
            return error.getServerErrorMessage();
        }
        throw new AssertionError("not refused with " + code);
    }

    private static void equal(Object found, Object wanted) {
        if (!found.equals(wanted)) {
            throw new AssertionError(found + " is not " + wanted);
        }
    }
}
