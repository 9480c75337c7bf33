const express = require("express");

const app = express();
const port = process.env.PORT || 3000;

app.get("/", (request, response) => {
  response.json({ message: "Hello from Node.js" });
});

app.get("/health", (request, response) => {
  response.json({ status: "healthy" });
});

const server = app.listen(port, () => console.log(`listening on ${port}`));

// npm hands the signal on; without this, node as process 1 would not hear of it.
process.on("SIGTERM", () => server.close());
