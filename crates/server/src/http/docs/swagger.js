"use strict";

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // The document is ours: nobody elsewhere is asked whether it is valid.
  validatorUrl: null,
});
